#include "hexcore/watch/machine_watch.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "hexcore/base/printable.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/device_numbers.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {

using std::chrono::steady_clock;

MachineWatch::MachineWatch(const WatchOptions& options, RecordSink& sink)
    : fan_(std::make_shared<RecordFan>(std::vector<RecordSink*>{&sink})),
      start_(steady_clock::now()) {
    const HostMemory memory = probe_host_memory().value_or(HostMemory{});
    fan_->run({.writer = {},
               .interval = options.interval,
               .gpu_interval = options.gpu_interval,
               .command = {}});
    fan_->device({.number = host_number,
                  .kind = RecordedKind::host,
                  .name = "host",
                  .description = "main memory",
                  .unit = Bytes(1),
                  .total = memory.total});
    gpus_ = std::make_unique<GpuSampler>(
        GpuSampling{.interval = options.gpu_interval,
                    .start = start_,
                    .first_device = first_gpu_number,
                    .probe = options.gpus,
                    .find = [this](std::uint32_t pid) { return process(pid); }},
        fan_);
}

/// A name is looked up once: of a pid that another process has meanwhile it may be old.
ProcessRef MachineWatch::process(std::uint32_t pid) {
    constexpr std::size_t longest_name = 96;
    constexpr std::size_t most_known = 4096;
    const std::lock_guard lock(mutex_);
    if (processes_.size() > most_known) {
        processes_.clear();
    }
    ProcessRef& known = processes_[pid];
    if (known == nullptr) {
        known = std::make_shared<RecordedProcess>(RecordedProcess{
            pid, pid, shortened(without_secrets(command_of({}, pid)), longest_name)});
    }
    return known;
}

void MachineWatch::step() {
    constexpr std::size_t most_named = 32;
    const auto memory = probe_host_memory();
    if (!memory) {
        return;
    }
    RecordedRow row{.device = host_number,
                    .time = std::chrono::duration_cast<RecordedTime>(steady_clock::now() - start_),
                    .parts = {},
                    .others = saturating_subtract(memory->total, memory->machine_available),
                    .free = memory->machine_available};
    for (const MemoryHolder& holder : largest_memory_holders({}, most_named)) {
        const Bytes bytes = std::min(holder.bytes, row.others);  // shared pages count for each
        row.others -= bytes;
        row.parts.push_back({process(holder.pid), bytes});
    }
    std::sort(row.parts.begin(), row.parts.end(),
              [](const auto& a, const auto& b) { return a.process->number < b.process->number; });
    fan_->row(row);
}

}  // namespace hexcore
