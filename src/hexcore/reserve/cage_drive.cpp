#include "hexcore/reserve/cage_drive.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <thread>
#include <utility>

#include "hexcore/cage/gpu_readings.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds longest_wait{100};  // so that `stop` is looked at
constexpr milliseconds between_looks{20};
// Others come and go; a context alone takes more.
constexpr Bytes gpu_tolerance = 64_MiB;

bool is_gpu(const DeviceLimit& limit) { return limit.device.starts_with("cuda:"); }

bool has_gpus(const IsolatedLimits& limits) {
    return std::any_of(limits.cage.devices.begin(), limits.cage.devices.end(), is_gpu);
}

/// Takes what has come by a pipe that does not block. False at its end.
bool take_result(const FileDescriptor& pipe, std::string& result) {
    std::array<char, 65536> buffer;
    ssize_t count = 0;
    while ((count = pipe.read(buffer.data(), buffer.size())) > 0) {
        result.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return count < 0;
}

/// Ends a cage whose time is over.
class TimeLimit {
public:
    explicit TimeLimit(const IsolatedLimits& limits) : limits_(limits) {
        if (limits.timeout) {
            next_ = Clock::now() + *limits.timeout;
        }
    }

    void look(Cage& cage) {
        if (limits_.stop != nullptr && limits_.stop->load() && !was_stopped_) {
            was_stopped_ = true;
            cage.kill(EndedByUs::interrupted);
        }
        if (Clock::now() < next_) {
            return;
        }
        if (was_asked_) {
            cage.kill(EndedByUs::timed_out);
            next_ = Clock::time_point::max();
        } else {
            was_asked_ = true;
            cage.ask_to_end(EndedByUs::timed_out);
            next_ = Clock::now() + limits_.grace;
        }
    }
    /// Until there is something to look at.
    [[nodiscard]] milliseconds left() const {
        const auto now = Clock::now();
        if (next_ - now >= longest_wait) {
            return longest_wait;
        }
        const auto left = std::chrono::duration_cast<milliseconds>(next_ - now);
        return std::max(left + milliseconds(1), milliseconds(0));
    }

private:
    const IsolatedLimits& limits_;
    Clock::time_point next_ = Clock::time_point::max();
    bool was_asked_ = false;
    bool was_stopped_ = false;
};

}  // namespace

Result<std::string> drive(Cage& cage, const IsolatedLimits& limits, FunctionPipes* pipes) {
    std::string result;
    std::unique_ptr<GpuReadings> gpus;
    if (has_gpus(limits)) {
        HEXCORE_TRY(begun, GpuReadings::begin(limits.cage.devices));
        gpus = std::move(begun);
    }
    TimeLimit time(limits);
    bool may_go = pipes == nullptr;
    bool has_more = pipes != nullptr;
    for (bool is_over = false; !is_over;) {
        std::vector<pollfd> waited;
        for (const int descriptor : cage.descriptors()) {
            waited.push_back({descriptor, POLLIN, 0});
        }
        if (has_more) {
            waited.push_back({pipes->result.get(), POLLIN, 0});
        }
        const milliseconds at_most = std::min(cage.next_sample_in(), time.left());
        (void)::poll(waited.data(), waited.size(), static_cast<int>(at_most.count()));
        is_over = cage.step();
        if (!may_go && cage.outcome().began) {
            may_go = true;
            // It may have been killed by now.
            (void)!::send(pipes->go->get(), "", 1, MSG_NOSIGNAL);
        }
        if (has_more) {
            has_more = take_result(pipes->result, result);
        }
        if (!is_over) {
            if (gpus != nullptr) {
                gpus->give_to(cage);
            }
            cage.sample();
            time.look(cage);
        }
    }
    return result;
}

Result<MemoryProof> MemoryProof::begin(const IsolatedLimits& limits, const Looker& look) {
    HEXCORE_TRY(before, look(has_gpus(limits) ? LookAt::host_and_gpus : LookAt::host));
    return MemoryProof(limits, look, std::move(before));
}

Result<void> MemoryProof::end(IsolatedRun& run) const {
    const auto begin = Clock::now();
    const bool looks_at_gpus = has_gpus(limits_);
    for (;;) {
        HEXCORE_TRY(after, look_(looks_at_gpus ? LookAt::host_and_gpus : LookAt::host));
        run.proof = {{"main memory", before_.host_free, after.host_free}};
        bool is_back = true;
        for (const DeviceNow& device : after.devices) {
            const auto former =
                std::find_if(before_.devices.begin(), before_.devices.end(),
                             [&](const DeviceNow& other) { return other.name == device.name; });
            const bool is_limited =
                std::any_of(limits_.cage.devices.begin(), limits_.cage.devices.end(),
                            [&](const DeviceLimit& limit) { return limit.device == device.name; });
            if (former != before_.devices.end() && is_limited) {
                run.proof.push_back({device.name, former->free, device.free});
                is_back = is_back && device.free + gpu_tolerance >= former->free;
            }
        }
        run.waited = Clock::now() - begin;
        if (is_back || run.waited >= limits_.came_back_in) {
            run.memory = !run.outcome.residues.empty() ? IsolatedMemory::residue
                         : is_back                     ? IsolatedMemory::clean
                                                       : IsolatedMemory::unattributable;
            return {};
        }
        std::this_thread::sleep_for(between_looks);
    }
}

}  // namespace hexcore
