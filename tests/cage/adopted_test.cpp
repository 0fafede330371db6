#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "caging.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// What a fork server does: its child forks a worker, which waits for a byte and then is bad_child,
/// and becomes the supervisor itself.
class ForkServer {
public:
    ForkServer(AdoptedCage& adopted, const std::vector<std::string>& words, std::string mark) {
        EXPECT_EQ(::pipe2(go_.data(), O_CLOEXEC), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            be_child(adopted, words, std::move(mark));
        }
        adopted.descriptors.clear();
        const FileDescriptor no_longer_ours = std::move(adopted.output);
    }
    ~ForkServer() {
        ::close(go_[1]);
        ::close(go_[0]);
        ::waitpid(pid_, nullptr, 0);
    }
    ForkServer(const ForkServer&) = delete;
    ForkServer& operator=(const ForkServer&) = delete;

    void let_go() const { EXPECT_EQ(::write(go_[1], "g", 1), 1); }

private:
    void be_child(AdoptedCage& adopted, const std::vector<std::string>& words, std::string mark) {
        const pid_t worker = ::fork();
        if (worker == 0) {
            be_worker(adopted.output.get(), words, std::move(mark));
        }
        for (std::size_t i = 0; i < adopted.descriptors.size(); ++i) {
            ::dup2(adopted.descriptors[i].get(), adopted.numbers[i]);
        }
        std::vector<char*> arguments;
        for (std::string& word : adopted.words) {
            if (word == "{PID}") {
                word = std::to_string(worker);
            }
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
    void be_worker(int output, std::vector<std::string> words, std::string mark) {
        ::setsid();
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        char byte = 0;
        if (::read(go_[0], &byte, 1) != 1) {
            ::_exit(1);
        }
        std::vector<char*> arguments;
        for (std::string& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        std::array<char*, 2> environment{mark.data(), nullptr};
        ::execve(arguments[0], arguments.data(), environment.data());
        ::_exit(127);
    }

    pid_t pid_ = 0;
    std::array<int, 2> go_{-1, -1};
};

CageOutcome outcome_of(const YardOptions& options, const std::vector<std::string>& words,
                       const CageLimits& limits, const std::string& mark,
                       const AdoptedFiles& files = {}) {
    auto yard = CageYard::open(options);
    EXPECT_TRUE(yard.has_value()) << yard.error().message;
    auto adopted = (*yard)->prepare(limits, files);
    EXPECT_TRUE(adopted.has_value()) << adopted.error().message;
    const ForkServer server(*adopted, words, mark);
    Cage& cage = *adopted->cage;
    bool was_let_go = false;
    while (!cage.step()) {
        if (cage.outcome().began && !was_let_go) {
            was_let_go = true;
            server.let_go();
        }
        std::vector<pollfd> ready;
        for (const int file : cage.descriptors()) {
            ready.push_back({file, POLLIN, 0});
        }
        ::poll(ready.data(), ready.size(), static_cast<int>(cage.next_sample_in().count()));
        cage.sample();
    }
    return cage.outcome();
}

class Adopted : public ::testing::TestWithParam<bool> {
protected:
    [[nodiscard]] YardOptions options() const {
        YardOptions chosen{.supervisor = HEXCORE_SUPERVISOR};
        if (GetParam()) {
            chosen.memory = MemoryGuard::polling;
            chosen.kill = KillGuard::sweep;
        }
        return chosen;
    }
    const std::string mark_ = fmt::format("HEXCORE_BAD=adopted.{}", ::getpid());
};

INSTANTIATE_TEST_SUITE_P(Cage, Adopted, ::testing::Bool(), [](const auto& polls) {
    return std::string(polls.param ? "polling" : "best");
});

TEST_P(Adopted, EndsAreToldAsOfAnyOther) {
    const CageOutcome outcome =
        outcome_of(options(), {"/bin/sh", "-c", "echo words; echo aside >&2; exit 7"}, {}, mark_);
    EXPECT_TRUE(outcome.began);
    EXPECT_EQ(outcome.exit_code(), 7) << outcome.problem;
    EXPECT_EQ(outcome.output_head, "words\naside\n");
}

TEST(AdoptedCage, IsOverWhereNobodyEverForksIt) {
    auto yard = CageYard::open({.supervisor = HEXCORE_SUPERVISOR});
    ASSERT_TRUE(yard.has_value());
    auto adopted = (*yard)->prepare({}, {});
    ASSERT_TRUE(adopted.has_value());
    adopted->descriptors.clear();
    EXPECT_TRUE(adopted->cage->step());
    EXPECT_FALSE(adopted->cage->outcome().began);
    EXPECT_THAT(adopted->cage->outcome().problem, HasSubstr("never began"));
}

TEST_P(Adopted, LimitsHold) {
    const CageOutcome outcome =
        outcome_of(options(), {HEXCORE_BAD_CHILD, "hold", "400"}, {.memory = 64_MiB}, mark_);
    EXPECT_EQ(outcome.ended_by_us, EndedByUs::over_budget);
    ASSERT_TRUE(outcome.breach.has_value());
    EXPECT_THAT(test::processes_with(mark_), IsEmpty());
}

TEST_P(Adopted, SharedMemoryThatIsLeftIsNamedAndGone) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "without rights only what is open for a while is known";
    }
    const CageOutcome outcome =
        outcome_of(options(), {HEXCORE_BAD_CHILD, "shared-memory", "0"}, {}, mark_);
    ASSERT_EQ(outcome.residues.size(), 1U);
    EXPECT_EQ(outcome.residues[0].kind, Residue::Kind::shared_memory);
    EXPECT_FALSE(std::filesystem::exists(outcome.residues[0].name));
}

TEST_P(Adopted, TemporaryFilesAreToldButThoseOfTheFramework) {
    const test::TempFolder scratch;
    const std::string words = fmt::format("mkdir {0}/tmp/pytest-of-me; echo left > {0}/tmp/left",
                                          scratch.path().string());
    const CageOutcome outcome =
        outcome_of(options(), {"/bin/sh", "-c", "PATH=/bin:/usr/bin; " + words}, {}, mark_,
                   {.scratch = scratch.path(), .untold_prefix = "pytest-of-"});
    EXPECT_EQ(outcome.exit_code(), 0) << outcome.output_head;
    ASSERT_EQ(outcome.residues.size(), 1U);
    EXPECT_EQ(outcome.residues[0].name, "left");
    EXPECT_TRUE(std::filesystem::is_empty(scratch / "tmp"));
}

TEST_P(Adopted, DaemonsAreEnded) {
    const CageOutcome outcome =
        outcome_of(options(), {HEXCORE_BAD_CHILD, "daemons", "4"}, {}, mark_);
    EXPECT_EQ(outcome.exit_code(), 0);
    EXPECT_EQ(outcome.residues.size(), 4U);
    EXPECT_THAT(test::processes_with(mark_), IsEmpty());
}

TEST_P(Adopted, WhoKillsItsSupervisorEndsAsWell) {
    const CageOutcome outcome =
        outcome_of(options(), {HEXCORE_BAD_CHILD, "kill-parent-and-stay"}, {}, mark_);
    EXPECT_TRUE(outcome.signalled);
    EXPECT_THAT(outcome.problem, HasSubstr("was killed"));
    EXPECT_THAT(test::processes_with(mark_), IsEmpty());
}

}  // namespace
}  // namespace hexcore
