#include <memory>
#include <nlohmann/json.hpp>

#include "hexcore/cage/doctor.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/process/shipped_file.hpp"
#include "hexcore/report/doctor_report.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

int prove(const std::string& format) {
    DoctorOptions options;
    options.program = own_program();
    const auto report = prove_guards(options);
    if (!report) {
        return report_error(report.error());
    }
    print(format == "json" ? json_text(doctor_json(*report))
                           : doctor_table(*report, stdout_style()));
    return report->all_hold() ? 0 : static_cast<int>(ErrorCode::negative);
}

}  // namespace

void add_doctor_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "doctor", "proves what protects this machine from tests, by firing each guard");
    command->footer(
        "Takes some seconds and up to 200 MiB. Exits with 1 where a guard that claims to\n"
        "protect did not.\n\n"
        "Examples:\n"
        "  hexcore doctor\n"
        "  hexcore doctor --format json");
    auto format = std::make_shared<std::string>("table");
    command->add_option("--format", *format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("NAME");
    command->callback([&action, format] { action = [format] { return prove(*format); }; });
}

}  // namespace hexcore
