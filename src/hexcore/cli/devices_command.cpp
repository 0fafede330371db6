#include <memory>

#include "hexcore/api/leftovers.hpp"
#include "hexcore/backend/measure_device.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/devices_info.hpp"
#include "hexcore/device/processor.hpp"
#include "hexcore/report/devices_report.hpp"
#include "hexcore/report/json_text.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

struct Options {
    std::string format = "table";
    bool measure = false;
};

int list(const Options& options) {
    auto devices = probe_devices();
    if (!devices) {
        return report_error(devices.error());
    }
    devices->parking = parking_space();
    print(options.format == "json" ? json_text(devices_json(*devices))
                                   : devices_table(*devices, stdout_style()));
    return 0;
}

/// What was measured, and whether it could be kept.
struct Measured {
    MeasuredDevices devices;
    Result<void> kept = {};
};

/// Measures main memory and every GPU that can be used, and keeps it with what was measured before.
Result<Measured> measure() {
    HEXCORE_TRY(devices, probe_devices());
    const std::filesystem::path path = measured_devices_path();
    if (path.empty()) {
        return fail(ErrorCode::usage,
                    "there is no folder to keep measurements in; set HEXCORE_CACHE or HOME");
    }
    // What a damaged file said is measured again, or lost.
    MeasuredDevices kept = MeasuredDevices::read(path).value_or(MeasuredDevices());
    MeasuredDevices now;
    const auto add = [&](const DeviceSpec& spec, const std::string& name,
                         const std::string& driver) -> Result<void> {
        print_aside(fmt::format("hexcore: measuring {} ({})\n", spec.name, name));
        HEXCORE_TRY(measured, measure_device(spec, name, driver));
        kept.put(measured);
        now.put(std::move(measured));
        return {};
    };
    HEXCORE_TRY_VOID(add({.kind = DeviceKind::host, .name = "host"}, processor_name(), ""));
    if (devices.gpus.numbering == GpuNumbering::cuda) {
        for (const GpuInfo& gpu : devices.gpus.gpus) {
            DeviceSpec spec{.kind = DeviceKind::cuda,
                            .name = fmt::format("cuda:{}", gpu.index),
                            .cuda_index = gpu.index,
                            .gpu_name = gpu.name};
            HEXCORE_TRY_VOID(add(spec, gpu.name, gpu.driver));
        }
    }
    Measured result{std::move(now)};
    result.kept = kept.write(path);
    if (result.kept) {
        print_aside(fmt::format("hexcore: kept in {}\n", path.string()));
    }
    return result;
}

int measure_and_print(const Options& options) {
    const auto measured = measure();
    if (!measured) {
        return report_error(measured.error());
    }
    print(options.format == "json" ? measured_devices_json(measured->devices)
                                   : measured_devices_table(measured->devices, stdout_style()));
    return measured->kept ? 0 : report_error(measured->kept.error());
}

}  // namespace

void add_devices_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "devices", "lists host memory and GPUs: total, free, and who holds how much");
    command->footer(
        "Examples:\n"
        "  hexcore devices --format json\n"
        "  hexcore devices --measure");
    auto options = std::make_shared<Options>();
    command->add_option("--format", options->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("NAME");
    command->add_flag("--measure", options->measure,
                      "measure how fast main memory and each GPU are and what kernels take there, "
                      "and keep it for plans");
    command->callback([&action, options] {
        action = [options] {
            return options->measure ? measure_and_print(*options) : list(*options);
        };
    });
}

}  // namespace hexcore
