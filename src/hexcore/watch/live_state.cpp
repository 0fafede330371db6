#include "hexcore/watch/live_state.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

constexpr std::size_t most_steps = 1024;

}  // namespace

void LiveHistory::add(RecordedTime time, Bytes bytes) {
    auto at = static_cast<std::size_t>(std::max<std::int64_t>(time / width_, 0));
    while (at >= most_steps) {  // steps twice as wide
        for (std::size_t i = 0; i < most_.size(); ++i) {
            const auto one = std::exchange(most_[i], std::nullopt);
            most_[i / 2] = std::max(i % 2 == 0 ? std::nullopt : most_[i / 2], one);
        }
        most_.resize((most_.size() + 1) / 2);
        width_ *= 2;
        at /= 2;
    }
    most_.resize(std::max(most_.size(), at + 1));
    most_[at] = std::max(most_[at], std::optional(bytes));
}

std::vector<std::optional<Bytes>> LiveHistory::steps(std::size_t count, RecordedTime until) const {
    std::vector<std::optional<Bytes>> result(count);
    std::optional<Bytes> before;
    std::size_t done = 0;  // of our own steps
    for (std::size_t i = 0; i < count; ++i) {
        const auto end_us =
            until.count() * static_cast<std::int64_t>(i + 1) / static_cast<std::int64_t>(count);
        const auto end =
            std::min(most_.size(), static_cast<std::size_t>(end_us / width_.count()) + 1);
        std::optional<Bytes> most;
        for (; done < end; ++done) {
            most = std::max(most, most_[done]);
            before = most_[done] ? most_[done] : before;
        }
        result[i] = most ? most : before;
    }
    return result;
}

bool has_process(const LiveState& state, std::uint32_t pid) {
    return std::any_of(state.devices.begin(), state.devices.end(), [pid](const LiveDevice& device) {
        return std::any_of(device.processes.begin(), device.processes.end(),
                           [pid](const LivePart& process) { return process.pid == pid; });
    });
}

}  // namespace hexcore
