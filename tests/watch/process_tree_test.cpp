#include "hexcore/watch/process_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include "hexcore/device/memory_holder.hpp"
#include "support/sanitized.hpp"

namespace hexcore {
namespace {

/// A process that has done something, then does what comes last, and waits to be killed.
class Child {
public:
    explicit Child(
        const std::function<void()>& act, const std::function<void()>& last = [] {}) {
        std::array<int, 2> done{};
        EXPECT_EQ(::pipe(done.data()), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            act();
            (void)!::write(done[1], "x", 1);
            last();
            for (;;) {
                ::pause();
            }
        }
        char byte = 0;
        EXPECT_EQ(::read(done[0], &byte, 1), 1);
        ::close(done[0]);
        ::close(done[1]);
    }
    ~Child() { end(); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = -1;
        }
    }

private:
    pid_t pid_;
};

constexpr std::size_t known_bytes = std::size_t{80} << 20U;

void* take_known_bytes() {
    void* memory =
        ::mmap(nullptr, known_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(memory, 1, known_bytes);
    return memory;
}

const WatchedProcess* watched(const ProcessTree& tree, pid_t pid) {
    for (const auto& process : tree.processes()) {
        if (process->process->pid == static_cast<std::uint32_t>(pid)) {
            return process.get();
        }
    }
    return nullptr;
}

TEST(ProcessTree, FindsChildrenReadsWhatTheyHaveAndForgetsThoseThatEnded) {
    ProcessTree tree(::getpid());
    tree.look();
    EXPECT_TRUE(tree.processes().empty());
    Child child([] { take_known_bytes(); });
    tree.look();
    tree.sample();
    const WatchedProcess* process = watched(tree, child.pid());
    ASSERT_NE(process, nullptr);
    EXPECT_GE(process->resident, Bytes(known_bytes));
    // A sanitizer's shadow of them is several times as large.
    EXPECT_LT(process->resident, Bytes(known_bytes) * (test::sanitized ? 16 : 4));
    EXPECT_NE(process->process->command, "");
    std::vector<RecordedPart> parts;
    tree.add_parts(parts);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(parts[0].bytes, process->resident);
    EXPECT_EQ(tree.find(static_cast<std::uint32_t>(child.pid())), process->process);
    child.end();
    tree.sample();
    parts.clear();
    tree.add_parts(parts);
    EXPECT_TRUE(parts.empty());
    tree.look();
    EXPECT_TRUE(tree.processes().empty());
    EXPECT_EQ(tree.found(), 1U);
    EXPECT_EQ(tree.missed(), 0U);
}

TEST(ProcessTree, TellsWhatAProcessHadBetweenSamples) {
    Child child([] { ::munmap(take_known_bytes(), known_bytes); });
    ProcessTree tree(::getpid());
    tree.look();
    tree.sample();
    const WatchedProcess* process = watched(tree, child.pid());
    ASSERT_NE(process, nullptr);
    EXPECT_GE(process->high_water, Bytes(known_bytes));
    EXPECT_LT(process->resident + Bytes(known_bytes / 2), process->high_water);
}

TEST(ProcessTree, AddsOneThatTellsOfItselfBeforeItIsFound) {
    ProcessTree tree(::getpid());
    const Child child([] {});
    const auto pid = static_cast<std::uint32_t>(child.pid());
    const ProcessRef added = tree.add_unseen(pid);
    EXPECT_EQ(tree.find(pid), added) << "and it is sampled from now on";
    tree.look();
    EXPECT_EQ(tree.found(), 1U) << "found once";
    const ProcessRef strange = tree.add_unseen(1);
    ASSERT_NE(strange, nullptr);
    EXPECT_EQ(strange->pid, 1U);
    EXPECT_NE(strange->number, added->number);
    EXPECT_EQ(tree.find(1), nullptr) << "whoever says so, it descends from none of them";
}

/// Is forked from this test, and becomes memory_child with so many MiB once it is told how many.
class Becoming {
public:
    Becoming() : child_([] {}, [this] { become(); }) {}

    [[nodiscard]] pid_t pid() const { return child_.pid(); }
    void go(std::uint64_t mib) const {
        EXPECT_EQ(::write(way_.ends[1], &mib, sizeof mib), static_cast<ssize_t>(sizeof mib));
    }

private:
    struct Way {
        Way() { EXPECT_EQ(::pipe(ends.data()), 0); }
        ~Way() {
            ::close(ends[0]);
            ::close(ends[1]);
        }
        Way(const Way&) = delete;
        Way& operator=(const Way&) = delete;
        std::array<int, 2> ends{};
    };
    void become() const {
        std::uint64_t mib = 0;
        (void)!::read(way_.ends[0], &mib, sizeof mib);
        ::execl(HEXCORE_MEMORY_CHILD, "memory_child", "hold", std::to_string(mib).c_str(),
                std::to_string(way_.ends[0]).c_str(), static_cast<char*>(nullptr));
    }

    Way way_;
    Child child_;
};

/// So often that a name is read at every sixteenth look only, and not at the next.
void look_often(ProcessTree& tree) {
    for (int i = 0; i < 40; ++i) {
        tree.look();
    }
}

TEST(ProcessTree, NamesAProcessThatBecameAnotherProgram) {
    const Becoming becoming;
    ProcessTree tree(::getpid());
    look_often(tree);
    const WatchedProcess* process = watched(tree, becoming.pid());
    ASSERT_NE(process, nullptr);
    const ProcessRef before = process->process;
    EXPECT_THAT(before->command, testing::Not(testing::HasSubstr("memory_child")));
    becoming.go(1);
    while (!command_of({}, before->pid).starts_with("memory_child")) {
        std::this_thread::yield();
    }
    tree.look();
    EXPECT_EQ(process->process->command, "memory_child hold");
    EXPECT_EQ(process->process->number, before->number) << "it is the same process";
}

TEST(ProcessTree, NamesAProcessByWhatItIsWhenItHasMoreThanEverBefore) {
    const Becoming becoming;
    ProcessTree tree(::getpid());
    look_often(tree);
    const WatchedProcess* process = watched(tree, becoming.pid());
    ASSERT_NE(process, nullptr);
    const Bytes much = Bytes(known_bytes / 2) + process->high_water * 2;
    becoming.go((much + Bytes(known_bytes / 2)).count() >> 20U);
    while (process->resident < much) {  // nobody looks for what it is meanwhile
        tree.sample();
    }
    std::vector<RecordedPart> parts;
    tree.add_parts(parts);
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_EQ(parts[0].process->command, "memory_child hold");
}

TEST(ProcessTree, FindsGrandchildrenAndThoseOfOthersItDoesNot) {
    const Child child([] {
        std::array<int, 2> done{};
        (void)!::pipe(done.data());
        if (::fork() == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)!::write(done[1], "x", 1);
            for (;;) {
                ::pause();
            }
        }
        char byte = 0;
        (void)!::read(done[0], &byte, 1);
    });
    ProcessTree tree(::getpid());
    tree.look();
    EXPECT_EQ(tree.processes().size(), 2U);
    ProcessTree others(child.pid());
    others.look();
    EXPECT_EQ(others.processes().size(), 1U);
    // Processes that were looked at often and are not in it stay out of it.
    for (int i = 0; i < 40; ++i) {
        others.look();
    }
    EXPECT_EQ(others.processes().size(), 1U);
}

}  // namespace
}  // namespace hexcore
