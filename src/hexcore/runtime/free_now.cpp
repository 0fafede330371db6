#include "hexcore/runtime/free_now.hpp"

#include <algorithm>

#include "hexcore/plan/parking_limits.hpp"

namespace hexcore {
namespace {

constexpr std::size_t holders_named = 3;

std::string holder_text(std::uint32_t pid, const std::string& command, std::optional<Bytes> bytes) {
    return fmt::format("{}pid {}{}", command.empty() ? "" : command + ", ", pid,
                       bytes ? " (" + to_string(*bytes) + ")" : "");
}

std::string held_text(const std::vector<std::string>& holders, std::string_view where) {
    return holders.empty() ? fmt::format("no other process {} can be seen from here", where)
                           : fmt::format("most of what can be seen {} is held by {}", where,
                                         fmt::join(holders, "; "));
}

Result<void> check_host(const WantedMemory& wanted, const HostMemory& memory,
                        const std::vector<MemoryHolder>& holders) {
    // What libllama leaves in its mapping of the file is page cache, which the kernel takes back.
    const Usage& host = wanted.usage.host;
    const Bytes beside = host.total() - host.weights;
    Bytes devices;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < wanted.specs.size(); ++i) {
        if (wanted.specs[i].kind == DeviceKind::host) {
            devices += wanted.usage.devices[i].total();
            names.push_back(wanted.specs[i].name);
        }
    }
    const Bytes loaded = devices + beside;
    const Bytes sum = loaded + wanted.parked;
    if (sum <= memory.available) {
        return {};
    }
    std::vector<std::string> held;
    held.reserve(holders.size());
    for (const MemoryHolder& holder : holders) {
        held.push_back(holder_text(holder.pid, holder.command, holder.bytes));
    }
    const std::string parked = wanted.parked == Bytes() ? ""
                                                        : fmt::format(", {} for parked sessions",
                                                                      to_string(wanted.parked));
    return fail(
        ErrorCode::does_not_fit,
        wanted.parked == Bytes() ? std::vector<Remedy>()
                                 : lower_parking(saturating_subtract(memory.available, loaded)),
        "the plan takes {} ({} bytes: {} on {}, {} beside{}) and {} has {} ({} bytes) free "
        "now: {} bytes too few; {}. Free memory, or plan again with smaller budgets",
        to_string(sum), sum.count(), to_string(devices), fmt::join(names, " and "),
        to_string(beside), parked,
        memory.tightest_path.empty() ? "the machine" : "the control group " + memory.tightest_path,
        to_string(memory.available), memory.available.count(), (sum - memory.available).count(),
        held_text(held, memory.tightest_path.empty() ? "on it" : "in it"));
}

Result<void> check_gpu(const DeviceSpec& spec, Bytes planned, const GpuList& now) {
    const auto gpu = std::find_if(now.gpus.begin(), now.gpus.end(), [&](const GpuInfo& info) {
        return info.index == spec.cuda_index;
    });
    if (gpu == now.gpus.end()) {
        return fail(ErrorCode::missing_device,
                    "{} was there when the plan was made and is gone now{}{}; see whether the "
                    "driver still lists it (nvidia-smi), then plan again",
                    spec.name, now.note.empty() ? "" : ": ", now.note);
    }
    if (!gpu->free || planned <= *gpu->free) {
        return {};
    }
    std::vector<std::string> held;
    held.reserve(gpu->holders.size());
    for (const GpuHolder& holder : gpu->holders) {
        held.push_back(holder_text(holder.pid, holder.command, holder.bytes));
    }
    return fail(ErrorCode::does_not_fit,
                "the plan takes {} ({} bytes) on {}, which has {} ({} bytes) free now: {} bytes "
                "too few; {}. Free memory, or plan again with smaller budgets",
                to_string(planned), planned.count(), spec.name, to_string(*gpu->free),
                gpu->free->count(), (planned - *gpu->free).count(), held_text(held, "on it"));
}

}  // namespace

Result<void> check_free_now(const WantedMemory& wanted, const DevicesInfo& now,
                            const std::vector<MemoryHolder>& holders) {
    HEXCORE_TRY_VOID(check_host(wanted, now.host, holders));
    for (std::size_t i = 0; i < wanted.specs.size(); ++i) {
        if (wanted.specs[i].kind == DeviceKind::cuda) {
            HEXCORE_TRY_VOID(check_gpu(wanted.specs[i], wanted.usage.devices[i].total(), now.gpus));
        }
    }
    return {};
}

Result<void> check_free_now(const WantedMemory& wanted, const ProcRoot& root) {
    HEXCORE_TRY(host, probe_host_memory(root));
    DevicesInfo now{.host = std::move(host), .gpus = {}};
    const bool has_gpu = std::any_of(wanted.specs.begin(), wanted.specs.end(),
                                     [](const auto& s) { return s.kind == DeviceKind::cuda; });
    if (has_gpu) {
        now.gpus = probe_gpus({.root = root});
    }
    // Going through all processes takes longer than the rest, so only where it is to be told.
    auto fits = check_free_now(wanted, now, {});
    if (fits || fits.error().code != ErrorCode::does_not_fit) {
        return fits;
    }
    return check_free_now(wanted, now,
                          largest_memory_holders(root, holders_named, now.host.tightest_path));
}

}  // namespace hexcore
