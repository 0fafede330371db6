#pragma once

#include <cstddef>
#include <functional>

namespace hexcore {

/// A stack for work that recurses deep: address space, of which only what is used becomes memory,
/// until this goes.
class DeepStack {
public:
    /// The size is rounded up to whole pages.
    explicit DeepStack(std::size_t bytes);
    ~DeepStack();
    DeepStack(const DeepStack&) = delete;
    DeepStack& operator=(const DeepStack&) = delete;

    /// Runs `work`, which must not throw, on a thread with this stack, and waits for its end.
    /// False: the system refused the stack or the thread, and nothing was run.
    [[nodiscard]] bool run(const std::function<void()>& work) const;
    /// How much of it was ever used, in whole pages; takes frames to leave no more than a few out.
    [[nodiscard]] std::size_t used() const;

private:
    std::size_t page_;
    std::size_t size_;  ///< without the page below, which nobody may touch
    char* lowest_ = nullptr;
};

}  // namespace hexcore
