#pragma once

#include <memory>

#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/served_model.hpp"

namespace hexcore {

/// The answers of a model that this process has. The model must outlive them.
[[nodiscard]] std::unique_ptr<HttpAnswers> answers_of(ServedModel& model);

}  // namespace hexcore
