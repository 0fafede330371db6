#include "hexcore/cli/man_page.hpp"

#include <gmock/gmock.h>

#include "cli/sample_program.hpp"

namespace hexcore {
namespace {

using test::SampleProgram;
using testing::HasSubstr;
using testing::Not;

std::string page() {
    const SampleProgram program;
    return man_page(program.tree(), "sample 1.2");
}

TEST(ManPage, KeepsCharactersThatRoffWouldChange) {
    EXPECT_THAT(page(), HasSubstr("does [odd] things, \\(aqquoted\\(aq ones: a\\eb\n"));
    EXPECT_THAT(page(), HasSubstr("\\fB\\-k\\fR, \\fB\\-\\-kind\\fR \\fINAME\\fR\n"));
}

TEST(ManPage, MakesNoRequestOfALineThatBeginsWithADot) {
    EXPECT_THAT(page(), HasSubstr("\n\\&.starts with a dot\n"));
}

TEST(ManPage, DescribesCommandsInCommandsAndTheirExamples) {
    EXPECT_THAT(page(), HasSubstr("\n.SS sample store put\n"));
    EXPECT_THAT(page(), HasSubstr("\n\\fBsample store put\\fR [OPTIONS] FILE...\n"));
    EXPECT_THAT(page(), HasSubstr("\nsample store put a.txt \\-\\-kind red\n"));
    EXPECT_THAT(page(), Not(HasSubstr("nobody")));
}

TEST(ManPage, HasTheVersionInItsTitle) {
    EXPECT_THAT(page(),
                testing::StartsWith(".TH SAMPLE 1 \"\" \"sample 1.2\" \"User Commands\"\n"));
}

}  // namespace
}  // namespace hexcore
