#pragma once

#include <memory>

#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/served_model.hpp"

namespace hexcore {

/// The answers of a model that this process has. The model must outlive them.
[[nodiscard]] std::unique_ptr<HttpAnswers> answers_of(ServedModel& model);

/// What is said of a model in `GET /v1/models`: its `id`, and what of the context a session has.
[[nodiscard]] nlohmann::ordered_json model_json(const LoadedModel& model);

}  // namespace hexcore
