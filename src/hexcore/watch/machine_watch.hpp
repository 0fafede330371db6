#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "hexcore/watch/gpu_sampler.hpp"
#include "hexcore/watch/record_fan.hpp"
#include "hexcore/watch/tree_watch.hpp"

namespace hexcore {

/// Tells a sink what is in use of this machine, by whomever: of main memory what the kernel could
/// not give anybody at once, and the processes that hold most of it; of GPUs what their driver
/// says.
class MachineWatch {
public:
    MachineWatch(const WatchOptions& options, RecordSink& sink);
    ~MachineWatch() { gpus_->stop(); }
    MachineWatch(const MachineWatch&) = delete;
    MachineWatch& operator=(const MachineWatch&) = delete;

    /// Samples main memory.
    void step();

private:
    [[nodiscard]] ProcessRef process(std::uint32_t pid);

    std::shared_ptr<RecordFan> fan_;
    std::chrono::steady_clock::time_point start_;
    std::mutex mutex_;                               ///< GPUs are sampled by another thread
    std::map<std::uint32_t, ProcessRef> processes_;  ///< that were seen, by pid
    std::unique_ptr<GpuSampler> gpus_;
};

}  // namespace hexcore
