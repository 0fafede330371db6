// Tests for a runner of tests: what they do depends on each other and on files in the folder
// HEXCORE_SAMPLE_FOLDER, never on time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "hexcore/testing/gtest.hpp"

namespace {

std::filesystem::path file(const std::string& name) {
    const char* folder = std::getenv("HEXCORE_SAMPLE_FOLDER");
    return std::filesystem::path(folder == nullptr ? "." : folder) / name;
}

bool is_there(const std::string& name) { return std::filesystem::exists(file(name)); }

/// Whole, or not there.
void leave(const std::string& name, long number = 0) {
    const std::filesystem::path beside = file(name + ".new");
    std::ofstream(beside) << number << '\n';
    std::filesystem::rename(beside, file(name));
}

template <typename Condition>
void wait_until(const Condition& holds) {
    while (!holds()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

[[noreturn]] void wait_forever() {
    while (true) {
        ::pause();
    }
}

std::vector<char> taken(std::size_t mib) {
    std::vector<char> memory(mib << 20U);
    std::memset(memory.data(), 1, memory.size());
    return memory;
}

TEST(Quick, Passes) {}

TEST(Quick, Fails) {
    std::cout << "words before the end\n";
    EXPECT_EQ(1, 2);
}

TEST(Quick, Skips) { GTEST_SKIP() << "not today"; }

TEST(Quick, Crashes) { ASSERT_EQ(::raise(SIGSEGV), 0); }

TEST(Quick, ExitsInTheMiddle) { std::_Exit(0); }

// Each passes only beside the other.
TEST(Meeting, One) {
    leave("one");
    wait_until([] { return is_there("other"); });
}

TEST(Meeting, Other) {
    leave("other");
    wait_until([] { return is_there("one"); });
}

TEST(Slow, IgnoresTheRequestToEnd) {
    std::signal(SIGTERM, SIG_IGN);
    leave("slow", ::getpid());
    wait_forever();
}

TEST(Slow, IsLargeAndIgnoresTheRequestToEnd) {
    std::signal(SIGTERM, SIG_IGN);
    const std::vector<char> memory = taken(40);
    EXPECT_EQ(memory.back(), 1);
    wait_forever();
}

TEST(Slow, Waits) {
    leave("waits", ::getpid());
    wait_forever();
}

TEST(Memory, IsSmall) {}

// Ends once the larger one has been killed.
TEST(Memory, IsLarge) {
    // Less than the larger one has by the time that both are too much, or this one is ended.
    const std::vector<char> memory = taken(60);
    wait_until([] { return is_there("larger"); });
    long pid = 0;
    std::ifstream(file("larger")) >> pid;
    wait_until([pid] { return ::kill(static_cast<pid_t>(pid), 0) != 0; });
    EXPECT_EQ(memory.back(), 1);
}

TEST(Memory, IsLarger) {
    const bool is_first_time = !is_there("larger");
    if (is_first_time) {
        leave("larger", ::getpid());
    }
    const std::vector<char> memory = taken(160);
    if (is_first_time) {
        wait_forever();
    }
    EXPECT_EQ(memory.back(), 1);
}

TEST(Memory, GoesOverItsBudget) {
    const std::vector<char> memory = taken(160);
    EXPECT_EQ(memory.back(), 1);
    wait_forever();
}

TEST(Again, PassesTheSecondTime) {
    const bool is_first_time = !is_there("again");
    leave("again");
    EXPECT_FALSE(is_first_time);
}

TEST(Residue, LeavesAProcess) {
    if (::fork() == 0) {
        ::setsid();
        leave("orphan", ::getpid());
        wait_forever();
    }
    wait_until([] { return is_there("orphan"); });
}

constexpr std::size_t leaked_bytes = std::size_t{100} << 10U;

TEST(Repeats, LeakMuch) {
    static std::vector<std::vector<char>> kept;
    kept.emplace_back(leaked_bytes, 'x');
}

TEST(Repeats, LeakABit) {
    static std::vector<char*> kept;
    kept.reserve(1000);
    kept.push_back(static_cast<char*>(std::malloc(100)));
    ASSERT_NE(kept.back(), nullptr);
}

TEST(Repeats, LeakNothing) { EXPECT_EQ(taken(1).back(), 1); }

TEST(Repeats, FailTheThirdTime) {
    static int times = 0;
    EXPECT_NE(++times, 3);
}

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (std::getenv("HEXCORE_SAMPLE_WATCHES") != nullptr) {
        hexcore::testing::watch_memory();
    }
    return RUN_ALL_TESTS();
}
