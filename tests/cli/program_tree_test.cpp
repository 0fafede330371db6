#include "hexcore/cli/program_tree.hpp"

#include <gmock/gmock.h>

#include <string_view>

#include "cli/sample_program.hpp"

namespace hexcore {
namespace {

using test::SampleProgram;
using testing::ElementsAre;
using testing::IsEmpty;

const ArgumentSpec& option(const CommandSpec& command, std::string_view name) {
    for (const ArgumentSpec& option : command.options) {
        if (option.names.back() == name) {
            return option;
        }
    }
    ADD_FAILURE() << command.path << " has no " << name;
    return command.options.front();
}

TEST(ProgramTree, HasCommandsInCommandsAndLeavesOutTheHidden) {
    const SampleProgram program;
    const CommandSpec tree = program.tree();
    std::vector<std::string> paths;
    for (const CommandSpec* command : all_commands(tree)) {
        paths.push_back(command->path);
    }
    EXPECT_THAT(paths, ElementsAre("sample", "sample store", "sample store put", "sample show"));
    const CommandSpec& put = tree.commands.at(0).commands.at(0);
    EXPECT_EQ(put.options.size(), 4U);
}

TEST(ProgramTree, SaysWhatStandsBehindAnOption) {
    const SampleProgram program;
    const CommandSpec tree = program.tree();
    const CommandSpec& put = tree.commands.at(0).commands.at(0);
    EXPECT_EQ(option(put, "--help").takes, ValueKind::none);
    EXPECT_EQ(option(put, "--count").takes, ValueKind::text);
    const ArgumentSpec& kind = option(put, "--kind");
    EXPECT_EQ(kind.takes, ValueKind::choice);
    EXPECT_THAT(kind.choices, ElementsAre("red", "blue"));
    EXPECT_THAT(kind.names, ElementsAre("-k", "--kind"));
    EXPECT_EQ(kind.value_name, "NAME");
    EXPECT_EQ(put.positionals.at(0).takes, ValueKind::file);
    EXPECT_TRUE(put.positionals.at(0).repeatable);
    EXPECT_THAT(put.positionals.at(0).names, IsEmpty());
}

TEST(ProgramTree, NamesDefaultsExceptThoseThatAreChosenLater) {
    const SampleProgram program;
    const CommandSpec tree = program.tree();
    const CommandSpec& put = tree.commands.at(0).commands.at(0);
    EXPECT_EQ(option(put, "--count").description_with_default(), "how often (default: 3)");
    EXPECT_EQ(option(put, "--auto").description_with_default(), "how many");
    EXPECT_EQ(put.positionals.at(0).description_with_default(), "what to put");
}

TEST(ProgramTree, FindsExamplesInFooters) {
    const SampleProgram program;
    const CommandSpec tree = program.tree();
    EXPECT_THAT(examples(tree), IsEmpty());
    EXPECT_THAT(examples(tree.commands.at(0).commands.at(0)),
                ElementsAre("sample store put a.txt --kind red", "sample store put b"));
    EXPECT_THAT(examples(tree.commands.at(1)), ElementsAre("sample show f"));
}

TEST(ProgramTree, WritesSynopses) {
    const SampleProgram program;
    const CommandSpec tree = program.tree();
    EXPECT_EQ(synopsis(tree), "sample [OPTIONS] COMMAND");
    EXPECT_EQ(synopsis(tree.commands.at(0).commands.at(0)), "sample store put [OPTIONS] FILE...");
    EXPECT_EQ(synopsis(tree.commands.at(1)), "sample show [OPTIONS] [FILE]");
}

TEST(Wrapped, BreaksBetweenWordsOnly) {
    EXPECT_EQ(wrapped("one two three", 7), "one two\nthree");
    EXPECT_EQ(wrapped("  one\n two ", 80), "one two");
    EXPECT_EQ(wrapped("unbreakable a", 4), "unbreakable\na");
    EXPECT_EQ(wrapped("", 4), "");
}

}  // namespace
}  // namespace hexcore
