#include "hexcore/serve/exchange.hpp"

#include <utility>

namespace hexcore {

void Exchange::put(Event event) {
    {
        const std::lock_guard lock(mutex_);
        events_.push_back(std::move(event));
    }
    came_.notify_one();
}

std::vector<Exchange::Event> Exchange::take(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    (void)came_.wait_for(lock, at_most, [this] { return !events_.empty(); });
    return std::exchange(events_, {});
}

}  // namespace hexcore
