#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {

struct SharedPagesSampling {
    std::chrono::steady_clock::time_point start;  ///< of the recording's times
    /// Appends the pids of the watched processes. Is asked from another thread.
    std::function<void(std::vector<std::uint32_t>& pids)> list;
};

/// Looks now and then at what processes have if pages that several have count once, from a thread
/// of its own: the kernel goes through every page, 33 ms for 4 GiB.
class SharedPagesSampler {
public:
    /// Null where the kernel does not tell.
    [[nodiscard]] static std::unique_ptr<SharedPagesSampler> make(SharedPagesSampling sampling,
                                                                  std::shared_ptr<RecordFan> fan);
    ~SharedPagesSampler() { stop(); }
    SharedPagesSampler(const SharedPagesSampler&) = delete;
    SharedPagesSampler& operator=(const SharedPagesSampler&) = delete;

    /// They have so much by themselves, summed up: may begin a look. A new peak asks for one.
    void sampled(RecordedTime now, Bytes resident);
    /// Something happened for whose sake a look ought not to wait for its time. Takes no lock.
    void ask() noexcept;
    /// Nothing is told after it, and `list` not asked. A look that is under way is left behind.
    void stop();
    /// What it took of the processor.
    [[nodiscard]] std::chrono::microseconds spent() const;

private:
    struct Shared;
    explicit SharedPagesSampler(std::shared_ptr<Shared> shared);

    std::shared_ptr<Shared> shared_;  ///< the thread may live longer
};

}  // namespace hexcore
