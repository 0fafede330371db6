#include "hexcore/api/examined_file.hpp"

#include <gmock/gmock.h>

#include <csignal>

namespace hexcore {
namespace {

using ::testing::HasSubstr;

Error error_with(const char* examiner) {
    const auto examined = examine_apart(examiner, "m.gguf", {}, nullptr);
    EXPECT_FALSE(examined);
    return examined ? Error{} : examined.error();
}

TEST(ExaminedFile, AnExaminerThatIsMissingOrAnotherProgramIsNamed) {
    for (const char* examiner : {"/no/such/program", "/dev/null", "/bin/true"}) {
        const Error error = error_with(examiner);
        EXPECT_EQ(error.code, ErrorCode::usage);
        EXPECT_THAT(error.message, HasSubstr(examiner));
        ASSERT_EQ(error.remedies.size(), 1U);
        EXPECT_EQ(error.remedies[0].change, Change::name_examiner);
    }
}

TEST(ExaminedFile, AProcessThatIgnoresTheEndOfItsChildrenIsTold) {
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    const Error error = error_with("/bin/true");
    std::signal(SIGCHLD, before);
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_THAT(error.message, HasSubstr("SIGCHLD"));
    ASSERT_EQ(error.remedies.size(), 1U);
    EXPECT_EQ(error.remedies[0].change, Change::default_sigchld);
}

}  // namespace
}  // namespace hexcore
