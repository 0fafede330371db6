#include "hexcore/assistant/expert_breaker.hpp"

#include <algorithm>

namespace hexcore {

void ExpertBreaker::failed(std::size_t expert, Time now) {
    OneExpert& one = experts_.at(expert);
    one.failures.push_back(now);
    while (one.failures.front() + limits_.within <= now) {
        one.failures.pop_front();
    }
    if (one.failures.size() >= limits_.failures) {
        // Afterwards it begins with a clean slate.
        one.failures.clear();
        one.out_until = now + limits_.out_for;
    }
}

std::optional<std::chrono::seconds> ExpertBreaker::out_for(std::size_t expert, Time now) const {
    const OneExpert& one = experts_.at(expert);
    if (!one.out_until || *one.out_until <= now) {
        return std::nullopt;
    }
    return std::chrono::ceil<std::chrono::seconds>(*one.out_until - now);
}

std::size_t ExpertBreaker::failures(std::size_t expert, Time now) const {
    const OneExpert& one = experts_.at(expert);
    return static_cast<std::size_t>(
        std::count_if(one.failures.begin(), one.failures.end(),
                      [&](Time time) { return time + limits_.within > now; }));
}

}  // namespace hexcore
