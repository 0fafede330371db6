#include <memory>

#include "hexcore/api/leftovers.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/report/json_text.hpp"
#include "nlohmann/json.hpp"

namespace hexcore {
namespace {

struct Options {
    std::string format = "table";
    bool end = false;
};

int run(const Options& options) {
    std::vector<Leftover> leftovers = find_leftovers();
    if (options.end) {
        end_leftovers(leftovers);
    }
    print(options.format == "json" ? json_text(leftovers_json(leftovers))
                                   : leftovers_table(leftovers, stdout_style()));
    if (!options.end && !leftovers.empty()) {
        complain("hexcore reset --end removes this");
    }
    return all_ended(leftovers) ? 0 : static_cast<int>(ErrorCode::negative);
}

}  // namespace

void add_reset_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "reset", "shows what runs of yours that died left: parked sessions, files, processes");
    command->footer(
        "Exits with 1 while something is left.\n\n"
        "Examples:\n"
        "  hexcore reset\n"
        "  hexcore reset --end");
    auto options = std::make_shared<Options>();
    command->add_flag("--end", options->end, "remove the files and end the processes");
    command->add_option("--format", options->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}))
        ->option_text("NAME");
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
