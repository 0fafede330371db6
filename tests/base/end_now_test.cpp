#include "hexcore/base/end_now.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

namespace hexcore {
namespace {

void say_so() { (void)!::write(STDERR_FILENO, "first", 5); }

TEST(EndNow, DoesWhatItWasGivenAndNothingElse) {
    EXPECT_EXIT(
        {
            before_end_now(say_so);
            std::atexit([] { (void)!::write(STDERR_FILENO, "unwound", 7); });
            end_now(7);
        },
        testing::ExitedWithCode(7), "^first$");
}

TEST(EndNow, DoesNothingFirstWhereThatIsTakenBack) {
    EXPECT_EXIT(
        {
            before_end_now(say_so);
            before_end_now(nullptr);
            end_now(3);
        },
        testing::ExitedWithCode(3), "^$");
}

TEST(EndNow, EndsAtOnceWhereWhatIsDoneFirstEndsTheProgram) {
    EXPECT_EXIT(
        {
            before_end_now([] { end_now(9); });
            end_now(3);
        },
        testing::ExitedWithCode(9), "");
}

}  // namespace
}  // namespace hexcore
