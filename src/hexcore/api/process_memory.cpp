#include "hexcore/api/process_memory.hpp"

#include <algorithm>
#include <string>
#include <thread>

#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;

constexpr std::chrono::milliseconds between_looks{20};

std::string name_of(const GpuInfo& gpu) { return fmt::format("cuda:{}", gpu.index); }

ResetMemory* find(std::vector<ResetMemory>& memories, const GpuInfo& gpu) {
    const auto found = std::ranges::find(memories, name_of(gpu), &ResetMemory::name);
    return found == memories.end() ? nullptr : &*found;
}

}  // namespace

ProcessMemory::ProcessMemory(ProcessMemoryOptions options) : options_(std::move(options)) {
    for (const GpuInfo& gpu : probe_gpus(options_.probe).gpus) {
        if (const auto used = gpu.used()) {
            report_.devices.push_back({.name = name_of(gpu),
                                       .before = {{}, *used},
                                       .measured_by = MeasuredBy::free_memory,
                                       .baseline = *used,
                                       .tolerance = options_.tolerance});
        }
    }
    report_.host = {.name = "main memory", .before = {{}, Bytes()}};
}

void ProcessMemory::look(pid_t process) {
    for (const GpuInfo& gpu : probe_gpus(options_.probe).gpus) {
        if (ResetMemory* memory = find(report_.devices, gpu)) {
            memory->before.measured = gpu.used();
        }
    }
    report_.host.before.measured =
        memory_of_process(options_.probe.root, std::to_string(process)).value_or(Bytes());
}

ResetReport ProcessMemory::after_end(Clock::time_point begin, std::chrono::milliseconds deadline) {
    const auto until = Clock::now() + deadline;
    const auto waited = [begin] { return duration_cast<microseconds>(Clock::now() - begin); };
    // The kernel has taken back all of a process that was waited for.
    report_.host.after.measured = Bytes();
    report_.host.waited = waited();
    for (;;) {
        report_.waited = waited();
        for (const GpuInfo& gpu : probe_gpus(options_.probe).gpus) {
            ResetMemory* memory = find(report_.devices, gpu);
            if (memory == nullptr || (memory->after.measured && memory->clean())) {
                continue;
            }
            memory->after.measured = gpu.used();
            memory->waited = report_.waited;
            memory->holders.clear();
            for (const GpuHolder& holder : gpu.holders) {
                memory->holders.push_back({holder.pid, holder.command, holder.bytes});
            }
        }
        if (report_.clean() || Clock::now() >= until) {
            break;
        }
        std::this_thread::sleep_for(between_looks);
    }
    for (ResetMemory& memory : report_.devices) {
        if (memory.clean()) {
            memory.holders.clear();
        }
    }
    return report_;
}

ResetReport ProcessMemory::not_ended(pid_t process) {
    look(process);
    for (ResetMemory& memory : report_.devices) {
        memory.after = memory.before;
    }
    const auto pid = static_cast<std::uint32_t>(process);
    report_.host.after = report_.host.before;
    report_.host.holders = {
        {pid, command_of(options_.probe.root, pid), report_.host.before.measured}};
    return report_;
}

}  // namespace hexcore
