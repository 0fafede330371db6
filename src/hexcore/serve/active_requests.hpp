#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace hexcore {

/// How many requests are being answered.
class ActiveRequests {
public:
    /// One of them, while it lives. Move-only.
    class Entry {
    public:
        explicit Entry(ActiveRequests& all) : all_(&all) { all.add(1); }
        Entry(Entry&& other) noexcept : all_(std::exchange(other.all_, nullptr)) {}
        Entry& operator=(Entry&&) = delete;
        ~Entry() {
            if (all_ != nullptr) {
                all_->add(-1);
            }
        }

    private:
        ActiveRequests* all_;
    };

    /// Waits up to `at_most`. Whether there is none.
    [[nodiscard]] bool wait_until_none(std::chrono::milliseconds at_most) {
        std::unique_lock lock(mutex_);
        return none_.wait_for(lock, at_most, [this] { return count_ == 0; });
    }

private:
    void add(int change) {
        const std::lock_guard lock(mutex_);
        count_ += change;
        none_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable none_;
    int count_ = 0;
};

}  // namespace hexcore
