#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/machine.hpp"
#include "hexcore/report/devices_report.hpp"
#include "hexcore/report/json_text.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {

void add_devices_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "devices", "lists host memory and GPUs: total, free, and who holds how much");
    command->footer("Example: hexcore devices --format json");
    auto format = std::make_shared<std::string>("table");
    command->add_option("--format", *format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("NAME");
    command->callback([&action, format] {
        action = [format] {
            const auto devices = probe_devices();
            if (!devices) {
                return report_error(devices.error());
            }
            print(*format == "json" ? json_text(devices_json(*devices))
                                    : devices_table(*devices, stdout_style()));
            return 0;
        };
    });
}

}  // namespace hexcore
