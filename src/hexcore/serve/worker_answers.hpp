#pragma once

#include <memory>

#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/model_worker.hpp"

namespace hexcore {

/// The answers of a worker, passed on. Both must outlive them.
[[nodiscard]] std::unique_ptr<HttpAnswers> answers_of(ModelWorker& worker, Metrics& metrics);

}  // namespace hexcore
