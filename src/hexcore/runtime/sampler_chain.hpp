#pragma once

#include <span>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/sampling.hpp"

struct llama_sampler;

namespace hexcore {

/// In place of what libllama would stop the process for, or compute nonsense with. Fails with
/// ErrorCode::usage.
[[nodiscard]] Result<void> check_sampling(const LoadedModel& model, const SamplingOptions& options,
                                          std::span<const LogitBias> biases);

/// llama.cpp's samplers for options that were checked, the last of which chooses; the caller's to
/// free.
[[nodiscard]] llama_sampler* sampler_chain(const LoadedModel& model, const SamplingOptions& options,
                                           std::span<const LogitBias> biases);

}  // namespace hexcore
