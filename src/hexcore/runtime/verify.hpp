#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/load_attempt.hpp"
#include "hexcore/runtime/loaded_model.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {

/// Which tokens are compared, and how they are cut into batches. They are dealt to all sequences of
/// the context in turn.
struct VerifyOptions {
    std::vector<llama_token> tokens;  ///< in the vocabulary's range
    /// Tokens in each call; 0: as many as fit a ubatch, which is also the most for a model that
    /// computes all tokens of a call at once (an encoder).
    std::uint32_t batch = 0;
    double tolerance = 0;
    int threads = 0;
    /// Of what plain libllama is given to read; not called where null.
    std::function<void(ReadProgress)> progress = {};
    /// Set from anywhere to stop reading and computing. May be null.
    const std::atomic<bool>* stop = nullptr;
    Outputs outputs = Outputs::logits;         ///< what is compared
    std::vector<ChosenAdapter> adapters = {};  ///< that both sides apply
};

/// `count` tokens of the vocabulary, the same for the same seed.
[[nodiscard]] std::vector<llama_token> random_tokens(const llama_vocab& vocab, std::size_t count,
                                                     std::uint32_t seed);

/// What the contexts of both sides are made for: the outputs of every token of a batch, which may
/// be larger than the `ubatch` tokens that are computed at once.
[[nodiscard]] ContextOptions context_options(std::uint32_t ubatch, const VerifyOptions& options);

/// The outputs of every token, [token][vocabulary or width], through the plan's devices.
[[nodiscard]] Result<std::vector<float>> planned_outputs(LoadedModel& model,
                                                         const VerifyOptions& options);
/// The same through plain libllama without repacked weights: on the CPU, or, where all devices of
/// the machine are another backend's (GPUs), on those, split by whole layers as the plan has them.
[[nodiscard]] Result<std::vector<float>> plain_outputs(Machine& machine, const Inventory& inventory,
                                                       const Plan& plan,
                                                       const VerifyOptions& options);

/// Compares the outputs of the options' tokens. Two NaN of the same bits are identical, but count
/// as an infinite error: a model that yields NaN is not verified.
[[nodiscard]] VerifyReport compare_outputs(const std::vector<float>& planned,
                                           const std::vector<float>& plain,
                                           const VerifyOptions& options);

}  // namespace hexcore
