#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <new>
#include <random>
#include <thread>

#include "hexcore/reserve/reservation_book.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

constexpr Bytes all = 1000_MiB;
constexpr std::size_t workers = 5;

/// What processes that reserve share: how much each really took, and how often one had some.
struct Machine {
    std::array<std::atomic<std::uint64_t>, workers> taken{};
    std::array<std::atomic<std::uint64_t>, workers> turns{};

    [[nodiscard]] Bytes free() const {
        std::uint64_t sum = 0;
        for (const auto& one : taken) {
            sum += one;
        }
        EXPECT_LE(sum, all.count()) << "more is taken than there is";
        return saturating_subtract(all, Bytes(sum));
    }
};

class Deaths : public ::testing::Test {
protected:
    Deaths()
        : machine_(new (::mmap(nullptr, sizeof(Machine), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Machine) {}
    ~Deaths() override { ::munmap(machine_, sizeof(Machine)); }

    ReservationBook book() const {
        return *ReservationBook::open(
            {.folder = temp_ / "reservations",
             .look =
                 [this](LookAt) {
                     return Result<MachineNow>(
                         MachineNow{.host_total = all, .host_free = machine_->free()});
                 },
             .longest_turn = 60s});
    }

    /// Reserves, takes, tells, gives back, without end.
    [[noreturn]] void work(std::size_t worker, std::uint64_t seed) const {
        std::mt19937_64 random(seed);
        const ReservationBook shared = book();
        auto& taken = machine_->taken[worker];
        for (;;) {
            const Bytes wanted = 1_MiB * (1 + random() % 600);
            auto had = shared.reserve("worker", {.host = wanted},
                                      {.deadline = random() % 2 == 0 ? 0ms : 5ms});
            if (!had) {
                if (had.error().code != ErrorCode::does_not_fit) {
                    ::_exit(1);
                }
                continue;
            }
            if (!had->tell_used(Bytes{})) {
                ::_exit(2);
            }
            for (int step = 0; step < 3; ++step) {
                // What is told is never more than what is taken.
                taken = std::min(wanted.count(), taken + random() % (400 << 20));
                if (!had->tell_used(Bytes(taken))) {
                    ::_exit(3);
                }
            }
            if (random() % 3 == 0 && !had->resize({.host = Bytes(taken)})) {
                ::_exit(4);
            }
            if (random() % 4 == 0 && ::fork() == 0) {
                ::poll(nullptr, 0,
                       static_cast<int>(random() % 20));  // with the parent's files open
                ::_exit(0);
            }
            // Whoever says what it has frees nothing before it has said so, or given it back.
            had->release();
            taken = 0;
            ++machine_->turns[worker];
        }
    }
    pid_t start(std::size_t worker, std::uint64_t seed) const {
        const pid_t child = ::fork();
        if (child == 0) {
            std::signal(SIGCHLD, SIG_IGN);
            work(worker, seed);
        }
        return child;
    }

    test::TempFolder temp_;
    Machine* machine_;
};

TEST_F(Deaths, OfProcessesAtAnyMomentLoseNothingAndPromiseNothingTwice) {
    std::mt19937_64 random(12);
    std::array<pid_t, workers> pids{};
    for (std::size_t worker = 0; worker < workers; ++worker) {
        pids[worker] = start(worker, random());
    }
    const ReservationBook own = book();
    for (int death = 0; death < 50; ++death) {
        const std::size_t worker = random() % workers;
        // Some way on from where it was, at whatever step it is then.
        const std::uint64_t turns = machine_->turns[worker] + random() % 3;
        while (machine_->turns[worker] < turns) {
            const auto read = own.read();
            ASSERT_TRUE(read) << read.error().message;
            ASSERT_TRUE(read->ignored.empty()) << read->ignored.front();
            Bytes promised;
            for (const ReservationRecord& record : read->records) {
                promised += record.state == ReservationState::held ? record.claim.host : Bytes{};
            }
            ASSERT_LE(promised, all);
            int status = 0;
            ASSERT_EQ(::waitpid(pids[worker], &status, WNOHANG), 0) << "it gave up: " << status;
        }
        ASSERT_EQ(::kill(pids[worker], SIGKILL), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(pids[worker], &status, 0), pids[worker]);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it gave up: " << status;
        machine_->taken[worker] = 0;
        pids[worker] = start(worker, random());
    }
    for (std::size_t worker = 0; worker < workers; ++worker) {
        ::kill(pids[worker], SIGKILL);
        ::waitpid(pids[worker], nullptr, 0);
        machine_->taken[worker] = 0;
    }
    EXPECT_EQ(own.left(LookAt::host)->host, all);
    EXPECT_TRUE(own.read()->records.empty());
}

/// A child that was forked has the lock's file open; and nobody has waited for the parent.
TEST_F(Deaths, AParentsReservationEndsWithItWhoeverHasItsFilesOpen) {
    int ready[2];
    int over[2];
    ASSERT_EQ(::pipe(ready), 0);
    ASSERT_EQ(::pipe(over), 0);
    const pid_t parent = ::fork();
    if (parent == 0) {
        const auto had = book().reserve("parent", {.host = all});
        const pid_t child = had ? ::fork() : -1;
        if (child == 0) {
            ::close(over[1]);
            char byte = 0;
            (void)!::write(ready[1], "", 1);
            (void)!::read(over[0], &byte, 1);
            ::_exit(0);
        }
        ::pause();
        ::_exit(0);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    EXPECT_FALSE(book().reserve("other", {.host = 1_MiB}));
    ASSERT_EQ(::kill(parent, SIGKILL), 0);
    siginfo_t ended{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(parent), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_EQ(book().left(LookAt::host)->host, all);
    EXPECT_TRUE(book().reserve("other", {.host = all}));
    EXPECT_EQ(::waitpid(parent, nullptr, 0), parent);
    for (const int end : {ready[0], ready[1], over[0], over[1]}) {
        ::close(end);
    }
}

TEST_F(Deaths, AStoppedHolderStillHasWhatItReserved) {
    const pid_t holder = start(0, 1);
    while (machine_->turns[0] == 0) {
        std::this_thread::yield();
    }
    // Until it is stopped while it has some and does not count.
    for (;;) {
        ASSERT_EQ(::kill(holder, SIGSTOP), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(holder, &status, WUNTRACED), holder);
        ASSERT_TRUE(WIFSTOPPED(status)) << status;
        const auto opened = ReservationFolder::open(temp_ / "reservations");
        const bool counts = !opened->take_turn(0ms).has_value();
        if (!counts && machine_->taken[0] > 0 && book().read()->records.size() == 1) {
            break;
        }
        ASSERT_EQ(::kill(holder, SIGCONT), 0);
    }
    EXPECT_FALSE(book().reserve("all", {.host = all}));
    ASSERT_EQ(::kill(holder, SIGKILL), 0);
    ::waitpid(holder, nullptr, 0);
    machine_->taken[0] = 0;
    EXPECT_TRUE(book().reserve("all", {.host = all}));
}

}  // namespace
}  // namespace hexcore
