#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

#include "hexcore/isolate/run_book.hpp"

namespace hexcore {

/// Keeps a book's news while tests run, so that whoever is killed after hours has learned
/// something. What could not be kept stays in the book, and is tried again with what comes.
class NewsKeeping {
public:
    using Time = std::chrono::nanoseconds;

    NewsKeeping(const RunBook& book, const std::function<void()>& keep)
        : book_(book), keep_(keep) {}

    void mind(Time now, bool at_once) {
        const std::size_t news = book_.news().size();
        if (keep_ && news > 0 && (at_once || now >= next_time_ || news >= next_size_)) {
            keep_();
            next_time_ = now + spacing;
            next_size_ = book_.news().size() + worth_keeping;
        }
    }

private:
    static constexpr Time spacing = std::chrono::seconds(5);
    static constexpr std::size_t worth_keeping = 50;

    const RunBook& book_;
    const std::function<void()>& keep_;
    Time next_time_ = spacing;
    std::size_t next_size_ = worth_keeping;
};

}  // namespace hexcore
