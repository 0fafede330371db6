#include "hexcore/watch/watch_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "hexcore/watch/process_facts.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// A process that holds 64 MiB until it is let go.
class Held {
public:
    Held() {
        EXPECT_EQ(::pipe(pipe_.data()), 0);
        const std::string descriptor = std::to_string(pipe_[0]);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execl(HEXCORE_MEMORY_CHILD, HEXCORE_MEMORY_CHILD, "hold", "64", descriptor.c_str(),
                    nullptr);
            ::_exit(1);
        }
    }
    ~Held() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        ::close(pipe_[0]);
        ::close(pipe_[1]);
    }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void let_go() const { EXPECT_EQ(::write(pipe_[1], "x", 1), 1); }

private:
    std::array<int, 2> pipe_{};
    pid_t pid_ = 0;
};

/// Does something once a row of the host has 64 MiB.
class AtFullSize : public test::KeptRecords {
public:
    explicit AtFullSize(std::function<void()> act) : act_(std::move(act)) {}
    void row(const RecordedRow& row) override {
        KeptRecords::row(row);
        if (row.device == 0 && row.total() >= 64_MiB && act_) {
            act_();
            act_ = nullptr;
        }
    }

private:
    std::function<void()> act_;
};

WatchOptions quick_samples() {
    WatchOptions options{.writer = "test", .interval = milliseconds(2)};
    options.gpus.cuda_library = "libhexcore-absent.so.1";
    options.gpus.nvml_library = "libhexcore-absent.so.1";
    return options;
}

TEST(WatchProcess, SeesOneThatRunsAlreadyUntilItEnds) {
    const Held held;
    AtFullSize kept([&] { held.let_go(); });
    const auto outcome = watch_process({held.pid()}, quick_samples(), {&kept});
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    ASSERT_EQ(kept.runs.size(), 1U);
    EXPECT_EQ(kept.runs[0].attached_pid, static_cast<std::uint32_t>(held.pid()));
    ASSERT_EQ(kept.ends.size(), 1U);
    EXPECT_EQ(kept.ends[0].ending, RecordedEnding::unknown);
    EXPECT_EQ(kept.ends[0].processes, 1U);
    EXPECT_EQ(kept.rows[0].parts[0].process->pid, static_cast<std::uint32_t>(held.pid()));
}

TEST(WatchProcess, IsToldToEndAndTheProcessGoesOn) {
    const Held held;
    AtFullSize kept([] { ::raise(SIGTERM); });
    const auto outcome = watch_process({held.pid()}, quick_samples(), {&kept});
    ASSERT_TRUE(outcome.has_value());
    ASSERT_EQ(kept.ends.size(), 1U);
    EXPECT_EQ(kept.ends[0].ending, RecordedEnding::running);
    EXPECT_EQ(kept.ends[0].notes, "");
    EXPECT_EQ(::waitpid(held.pid(), nullptr, WNOHANG), 0) << "it runs";
}

TEST(AttachedProcess, IsNotAnotherOneWithTheSamePid) {
    const Held held;
    const auto facts = facts_of_process(held.pid());
    ASSERT_TRUE(facts.has_value());
    EXPECT_EQ(facts->parent, ::getpid());
    EXPECT_TRUE(AttachedProcess::attach({held.pid(), facts->start}).has_value());
    const auto other = AttachedProcess::attach({held.pid(), facts->start + 1});
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().code, ErrorCode::usage);
    EXPECT_THAT(other.error().message, HasSubstr("another one has its pid"));
}

TEST(AttachedProcess, HasToBeThere) {
    pid_t pid = 0;
    {
        const Held held;
        pid = held.pid();
    }
    const auto gone = AttachedProcess::attach({pid});
    ASSERT_FALSE(gone.has_value());
    EXPECT_EQ(gone.error().code, ErrorCode::usage);
    EXPECT_THAT(gone.error().message, HasSubstr("there is no process"));
    EXPECT_FALSE(facts_of_process(pid).has_value());
}

TEST(AttachedProcess, IsOfTheSameUserUnlessThatIsRoot) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can become another user";
    }
    const Held held;
    EXPECT_TRUE(AttachedProcess::attach({held.pid()}).has_value());
    const pid_t other = ::fork();
    if (other == 0) {
        constexpr uid_t nobody = 65534;
        if (::setuid(nobody) != 0) {
            ::_exit(1);
        }
        const auto attached = AttachedProcess::attach({held.pid()});
        const bool is_refused =
            !attached && attached.error().code == ErrorCode::usage &&
            attached.error().message.find("is another user's") != std::string::npos;
        ::_exit(is_refused ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_EQ(status, 0);
}

TEST(AttachedProcess, KnowsItsUserAndItsWords) {
    EXPECT_EQ(user_of_process(::getpid()), ::geteuid());
    const Held held;
    // Its words are the test's own until it has become the program.
    while (AttachedProcess::attach({held.pid()})->command().front() != HEXCORE_MEMORY_CHILD) {
    }
    const auto attached = AttachedProcess::attach({held.pid()});
    ASSERT_TRUE(attached.has_value());
    EXPECT_EQ(attached->command()[1], "hold");
    EXPECT_FALSE(attached->has_ended());
}

}  // namespace
}  // namespace hexcore
