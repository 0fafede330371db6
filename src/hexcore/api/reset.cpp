#include "hexcore/api/reset.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/device/own_memory.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds first_pause{1};
constexpr milliseconds longest_pause{20};

void add_held(std::vector<std::string>& held, Ledger& ledger) {
    if (const Bytes used = ledger.budget().used(); used > Bytes()) {
        held.push_back(fmt::format("{} of {}", to_string(used), ledger.budget().device_name()));
    }
}

/// Fails where something is held, by its name.
Result<void> check_unused(const std::vector<std::string>& held) {
    if (!held.empty()) {
        return fail(ErrorCode::usage, "still in use: {}; end that first", fmt::join(held, ", "));
    }
    return {};
}

/// What is still on the devices, though nobody says what it is for.
std::vector<std::string> still_held(Machine& machine) {
    std::vector<std::string> held;
    for (std::size_t i = 0; i < machine.size(); ++i) {
        Device& device = machine.device(DeviceId(i));
        add_held(held, device.memory().ledger());
        if (device.has_inner_backend()) {
            held.push_back("a backend of " + device.name());
        }
    }
    add_held(held, machine.host());
    return held;
}

ResetHolder this_process(const ProcRoot& root, std::optional<Bytes> bytes) {
    return {static_cast<std::uint32_t>(::getpid()),
            command_of(root, static_cast<std::uint32_t>(::getpid())), bytes};
}

/// Looks at the memory of a machine until it has come back.
class Proof {
public:
    Proof(Machine& machine, const ResetOptions& options) : machine_(machine), options_(options) {}

    Result<ResetReport> run() {
        HEXCORE_TRY_VOID(begin());
        milliseconds pause = first_pause;
        for (;;) {
            if (options_.stop != nullptr && options_.stop->load()) {
                return fail(ErrorCode::interrupted,
                            "interrupted while waiting for memory to come back");
            }
            HEXCORE_TRY_VOID(look());
            if (report_.clean() || waited() >= options_.deadline) {
                break;
            }
            const auto left = duration_cast<milliseconds>(options_.deadline - waited());
            std::this_thread::sleep_for(std::min(pause, left + first_pause));
            pause = std::min(2 * pause, longest_pause);
        }
        report_.waited = waited();
        name_holders();
        return std::move(report_);
    }

private:
    [[nodiscard]] microseconds waited() const {
        return duration_cast<microseconds>(Clock::now() - begin_);
    }

    Result<void> begin() {
        for (std::size_t i = 0; i < machine_.size(); ++i) {
            const Device& device = machine_.device(DeviceId(i));
            HEXCORE_TRY(measured, device.measured());
            // Of what it takes besides buffers, the context is known and not measured without
            // them; kernels that were loaded stay, too, within what was planned for them.
            report_.devices.push_back({.name = device.name(),
                                       .peak = device.memory().budget().peak(),
                                       .before = {device.memory().budget().used(), measured},
                                       .measured_by = device.measured_by(),
                                       .tolerance = device.overhead() - device.overhead_taken(),
                                       .kept = device.overhead_taken()});
        }
        const auto own = own_memory();
        report_.host = {
            .name = "this process",
            .peak = machine_.host().budget().peak(),
            .before = {machine_.host().budget().used(), own},
            .baseline = machine_.own_memory_before_load().value_or(own.value_or(Bytes())),
            .tolerance = options_.host_tolerance};
        report_.unloaded = machine_.give_back_unused();
        HEXCORE_TRY_VOID(check_unused(still_held(machine_)));
        machine_.reset_statistics();
        return {};
    }

    /// At those that have not come back, or were never looked at.
    Result<void> look() {
        for (std::size_t i = 0; i < machine_.size(); ++i) {
            const Device& device = machine_.device(DeviceId(i));
            ResetMemory& memory = report_.devices[i];
            if (!is_first_look_ && memory.clean()) {
                continue;
            }
            HEXCORE_TRY(measured, device.measured());
            memory.after = {device.memory().budget().used(), measured};
            memory.waited = waited();
        }
        if (is_first_look_ || !report_.host.clean()) {
            give_back_free_pages();
            report_.host.after = {machine_.host().budget().used(), own_memory()};
            report_.host.waited = waited();
        }
        is_first_look_ = false;
        return {};
    }

    void name_holders() {
        for (std::size_t i = 0; i < machine_.size(); ++i) {
            ResetMemory& memory = report_.devices[i];
            if (!memory.clean()) {
                memory.holders = holders_of(machine_.specs()[i], memory.after.measured);
            }
        }
        if (!report_.host.clean()) {
            report_.host.holders = {
                this_process(options_.holders.root, report_.host.after.measured)};
        }
    }

    [[nodiscard]] std::vector<ResetHolder> holders_of(const DeviceSpec& spec,
                                                      std::optional<Bytes> measured) const {
        switch (spec.kind) {
            case DeviceKind::host:
                return {this_process(options_.holders.root, measured)};
            case DeviceKind::rpc:
                return {};
            case DeviceKind::cuda:
                break;
        }
        std::vector<ResetHolder> holders;
        for (const GpuInfo& gpu : probe_gpus(options_.holders).gpus) {
            if (gpu.index == spec.cuda_index) {
                for (const GpuHolder& holder : gpu.holders) {
                    holders.push_back({holder.pid, holder.command, holder.bytes});
                }
            }
        }
        return holders;
    }

    Machine& machine_;
    const ResetOptions& options_;
    const Clock::time_point begin_ = Clock::now();
    bool is_first_look_ = true;
    ResetReport report_;
};

}  // namespace

Result<ResetReport> reset(Machine& machine, const ResetOptions& options) {
    HEXCORE_TRY_VOID(check_unused(machine.users()));
    return Proof(machine, options).run();
}

Result<ResetReport> reset(const PlannedModel& model, const ResetOptions& options) {
    return reset(model.machine(), options);
}

}  // namespace hexcore
