#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include "hexcore/base/result.hpp"

struct llama_vocab;

namespace hexcore {

/// What a vocabulary's splitter does with stretches of characters that it does not part.
struct StretchCost {
    /// Of ASCII: blanks, line ends, letters, digits, others.
    static constexpr std::size_t kinds = 5;
    /// What it takes of the stack for each; 0: it does not recurse.
    std::size_t bytes = 0;
    /// A group for each kind: it may go on from one kind to another of the same group.
    std::array<std::size_t, kinds> group = {0, 1, 2, 3, 4};
};
/// By trying it with short texts. Fails with ErrorCode::does_not_fit where the system refuses a
/// thread.
[[nodiscard]] Result<StretchCost> stretch_cost(const llama_vocab& vocab);

/// Characters of the longest stretch within one group. One that is not ASCII may be of any.
[[nodiscard]] std::size_t longest_stretch(std::string_view text, const StretchCost& cost);

/// The longest stretch that is taken where a vocabulary's splitter recurses.
inline constexpr std::size_t longest_stretch_taken = 65'536;

/// Gives a model's tokenizer as much stack as a text takes. Safe to use from any thread.
class LongStretches {
public:
    /// Calls `tokenize`, which hands `text` to libllama and does not throw: here, where stretches
    /// are as short as in ordinary texts; else on a thread with a stack for them, one such thread
    /// at a time. Fails with ErrorCode::usage where a stretch is too long, and with does_not_fit
    /// where the system refuses the thread.
    [[nodiscard]] Result<void> with_stack_for(std::string_view text, const llama_vocab& vocab,
                                              const std::function<void()>& tokenize);

private:
    [[nodiscard]] Result<StretchCost> cost_of(const llama_vocab& vocab);

    std::mutex one_at_a_time_;  ///< so that all the stacks together are one
    std::mutex mutex_;
    std::optional<StretchCost> cost_;
};

}  // namespace hexcore
