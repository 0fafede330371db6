#include "hexcore/device/load_turn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <optional>

namespace hexcore::test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A queue of this test's own, whose waits are told of at once.
class Turn : public ::testing::Test {
protected:
    TurnOptions options(std::function<void(std::string_view)> tell) const {
        return {.queue = queue_, .tell = std::move(tell), .told_after = milliseconds(0)};
    }
    std::optional<LoadTurn> taken() const {
        auto turn = LoadTurn::wait({.queue = queue_});
        EXPECT_TRUE(turn.has_value() && turn->is_held());
        return std::move(*turn);
    }

    const std::string queue_ = fmt::format("test-turn-{}", ::getpid());
};

TEST_F(Turn, ComesWhenTheOneBeforeItEnds) {
    auto first = taken();
    std::string told;
    const auto second = LoadTurn::wait(options([&](std::string_view sentence) {
        told = sentence;
        first.reset();
    }));
    ASSERT_TRUE(second.has_value());
    EXPECT_TRUE(second->is_held());
    EXPECT_THAT(told, HasSubstr(fmt::format("waiting until process {} has", ::getpid())));
}

TEST_F(Turn, EndsWithAProcessThatIsKilled) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t holder = ::fork();
    if (holder == 0) {
        const auto turn = LoadTurn::wait({.queue = queue_});
        (void)!::write(ready[1], "", turn.has_value() ? 1 : 0);
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    std::string told;
    const auto turn = LoadTurn::wait(options([&](std::string_view sentence) {
        told = sentence;
        ::kill(holder, SIGKILL);
    }));
    ::waitpid(holder, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);
    ASSERT_TRUE(turn.has_value());
    EXPECT_TRUE(turn->is_held());
    EXPECT_THAT(told, HasSubstr(fmt::format("process {} has", holder)));
}

TEST_F(Turn, OfAProcessThatIsFrozenDoesNotStopOthersForEver) {
    const auto first = taken();
    std::string told;
    TurnOptions short_patience = options([&](std::string_view sentence) { told = sentence; });
    short_patience.longest_turn = milliseconds(50);
    const auto second = LoadTurn::wait(short_patience);
    ASSERT_TRUE(second.has_value());
    EXPECT_FALSE(second->is_held());
    EXPECT_THAT(told, HasSubstr("for 0.05 s and counts as frozen"));
}

TEST_F(Turn, IsNotWaitedForAfterAnInterrupt) {
    const auto first = taken();
    std::atomic<bool> stop{false};
    TurnOptions stopping = options([&](std::string_view) { stop = true; });
    stopping.stop = &stop;
    const auto second = LoadTurn::wait(stopping);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::interrupted);
}

TEST_F(Turn, OfAnotherQueueIsNotWaitedFor) {
    const auto first = taken();
    const auto other = LoadTurn::wait({.queue = queue_ + "-other"});
    ASSERT_TRUE(other.has_value());
    EXPECT_TRUE(other->is_held());
}

TEST_F(Turn, IsDoneWithoutWhereThereAreNoSockets) {
    struct rlimit limit {};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none { .rlim_cur = 0, .rlim_max = limit.rlim_max };
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    std::string told;
    const auto turn = LoadTurn::wait(options([&](std::string_view sentence) { told = sentence; }));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_TRUE(turn.has_value());
    EXPECT_FALSE(turn->is_held());
    EXPECT_THAT(told, HasSubstr("cannot wait for each other here: Too many open files"));
}

}  // namespace
}  // namespace hexcore::test
