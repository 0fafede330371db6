#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/model_session.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {

/// Which tokens are compared, and how they are cut into batches.
struct VerifyOptions {
    std::vector<llama_token> tokens;  ///< in the vocabulary's range
    std::uint32_t batch = 0;          ///< tokens in each call; 0: as many as fit a ubatch
    double tolerance = 0;
    int threads = 0;
    /// Of what plain libllama is given to read; not called where null.
    std::function<void(ReadProgress)> progress = {};
    /// Set from anywhere to stop reading and computing. May be null.
    const std::atomic<bool>* stop = nullptr;
};

/// `count` tokens of the vocabulary, the same for the same seed.
[[nodiscard]] std::vector<llama_token> random_tokens(const llama_vocab& vocab, std::size_t count,
                                                     std::uint32_t seed);

/// What the contexts of both sides are made for: the logits of every token of a batch, which may be
/// larger than the `ubatch` tokens that are computed at once.
[[nodiscard]] ContextOptions context_options(std::uint32_t ubatch, const VerifyOptions& options);

/// The logits of every token, [token][vocabulary], through the plan's devices.
[[nodiscard]] Result<std::vector<float>> planned_logits(ModelSession& session,
                                                        const VerifyOptions& options);
/// The same through plain libllama without repacked weights: on the CPU, or, where all devices of
/// the machine are another backend's (GPUs), on those, split by whole layers as the plan has them.
[[nodiscard]] Result<std::vector<float>> plain_logits(Machine& machine, const Inventory& inventory,
                                                      const Plan& plan,
                                                      const VerifyOptions& options);

/// Compares logits of `tokens` tokens. Two NaN of the same bits are identical, but count as an
/// infinite error: a model that yields NaN is not verified.
[[nodiscard]] VerifyReport compare_logits(const std::vector<float>& planned,
                                          const std::vector<float>& plain, std::size_t tokens,
                                          double tolerance);

}  // namespace hexcore
