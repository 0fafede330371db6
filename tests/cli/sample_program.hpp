#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/cli/help_format.hpp"
#include "hexcore/cli/program_tree.hpp"

namespace hexcore::test {

/// A program with what the real one does not have: commands in commands, quotes and brackets in
/// descriptions, arguments that repeat, and things that are hidden.
struct SampleProgram {
    CLI::App app{"Does [odd] things, 'quoted' ones: a\\b."};
    std::string kind = "red";
    std::string file;
    std::string hidden;
    std::vector<std::string> files;
    std::uint32_t count = 3;
    std::uint32_t automatic = 0;

    SampleProgram() {
        app.name("sample");
        set_up_help(app, "sample 1.2");
        CLI::App* store = app.add_subcommand("store", "the store's commands");
        store->require_subcommand(1);
        CLI::App* put = store->add_subcommand("put", "puts [files]: it's easy");
        put->footer(
            "Examples:\n  sample store put a.txt --kind red\nNot an example.\n  sample store put "
            "b");
        put->add_option("files", files, "what to put")->required()->option_text("FILE");
        put->add_option("-k,--kind", kind, "red or it's blue")
            ->check(CLI::IsMember({"red", "blue"}))
            ->option_text("NAME");
        put->add_option("--count", count, "how often")->option_text("N");
        put->add_option("--auto", automatic, "how many")->option_text("N");
        put->add_option("--secret", hidden, "for nobody")->group("")->option_text("X");
        app.add_subcommand("ghost", "for nobody")->group("");
        CLI::App* show = app.add_subcommand("show", "shows");
        show->footer("Example: sample show f");
        show->add_option("file", file, ".starts with a dot")->option_text("FILE");
    }

    [[nodiscard]] CommandSpec tree() const { return describe_program(app); }
};

}  // namespace hexcore::test
