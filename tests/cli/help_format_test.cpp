#include "hexcore/cli/help_format.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>

#include "cli/sample_program.hpp"
#include "hexcore/cli/exit_codes.hpp"

namespace hexcore {
namespace {

using test::SampleProgram;
using testing::HasSubstr;

struct Said {
    int code;
    std::string out;
    std::string err;
};

Said say(SampleProgram& program, const std::string& arguments) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    int code = -1;
    try {
        program.app.parse(arguments);
    } catch (const CLI::ParseError& error) {
        const auto print = [](std::string_view text) {
            std::fputs(std::string(text).c_str(), stdout);
        };
        const auto complain = [](std::string_view what) {
            std::fputs(fmt::format("hexcore: {}\n", what).c_str(), stderr);
        };
        code = report_parse_error(program.app, error, {print, complain});
    }
    std::string out = testing::internal::GetCapturedStdout();
    return {code, std::move(out), testing::internal::GetCapturedStderr()};
}

TEST(HelpFormat, HasNothingBehindAFlag) {
    SampleProgram program;
    bool is_loud = false;
    auto* loud = program.app.add_flag("--loud", is_loud, "as it says");
    program.app.add_option("--soft", program.hidden, "or not")->excludes(loud)->option_text("X");
    EXPECT_THAT(say(program, "--help").out, HasSubstr("  --loud              as it says\n"));
}

TEST(HelpFormat, SaysWhatToDoWithAWordTooMany) {
    SampleProgram program;
    const Said said = say(program, "show a b");
    EXPECT_EQ(said.code, 2);
    EXPECT_THAT(said.err, HasSubstr("'b' is more than is expected; text of several words"));
}

TEST(HelpFormat, PrintsHelpOfTheInnermostCommandToStdout) {
    SampleProgram program;
    const Said said = say(program, "store put --help");
    EXPECT_EQ(said.code, 0);
    EXPECT_EQ(said.err, "");
    EXPECT_THAT(said.out, HasSubstr("Usage: sample store put [OPTIONS] FILE...\n"));
    EXPECT_THAT(said.out, HasSubstr("  --count N           how often (default: 3)\n"));
}

TEST(HelpFormat, ADescriptionIsNoWiderThanATerminal) {
    SampleProgram program;
    program.app.description(std::string(50, 'a') + ' ' + std::string(50, 'b'));
    EXPECT_THAT(say(program, "--help").out, HasSubstr("a\nb"));
}

TEST(HelpFormat, ListsCommandsAndEveryExitCode) {
    SampleProgram program;
    std::string out = say(program, "--help").out;
    EXPECT_THAT(out, HasSubstr("\nCommands:\n  store               the store's commands\n"));
    std::replace(out.begin(), out.end(), '\n', ' ');
    for (const ExitCodeMeaning& exit : exit_codes) {
        EXPECT_THAT(out, HasSubstr(fmt::format("{} {}", exit.code, exit.brief)));
    }
}

TEST(HelpFormat, NamesTheHelpOfTheCommandThatWasUsedWrongly) {
    SampleProgram program;
    const Said said = say(program, "store put");
    EXPECT_EQ(said.code, 2);
    EXPECT_EQ(said.out, "");
    EXPECT_EQ(said.err, "hexcore: files is required; sample store put --help says what there is\n");
}

TEST(HelpFormat, AValueThatIsNoneOfSeveralIsToldThemAndTheNearest) {
    SampleProgram none;
    EXPECT_EQ(say(none, "store put f -k green").err,
              "hexcore: --kind 'green' is none of red, blue; sample store put --help says what "
              "there is\n");
    SampleProgram near;
    EXPECT_THAT(say(near, "store put f -k BLUE_M").err, HasSubstr("; the nearest is blue;"));
}

TEST(HelpFormat, OffersTheCommandsInACommandAndNoHiddenOnes) {
    SampleProgram inner;
    EXPECT_THAT(say(inner, "store get").err, HasSubstr("there is no command 'get', only put;"));
    SampleProgram outer;
    EXPECT_THAT(say(outer, "get").err, HasSubstr("there is no command 'get', only store, show;"));
}

}  // namespace
}  // namespace hexcore
