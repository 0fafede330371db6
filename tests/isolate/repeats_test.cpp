#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "hexcore/isolate/crash_look.hpp"
#include "hexcore/isolate/python_stack.hpp"
#include "hexcore/isolate/repeat_levels.hpp"
#include "hexcore/isolate/run_book.hpp"
#include "isolate/run_launch.hpp"
#include "paper_suite.hpp"

namespace hexcore {
namespace {

using Basis = MemoryLevel::Basis;

Verdict verdict_of(const RepeatLevels& levels) {
    const auto growths = levels.judge();
    EXPECT_EQ(growths.size(), 1U);
    return growths.empty() ? Verdict::inconclusive : growths.front().judgement.verdict;
}

TEST(RepeatLevels, ALeakOfBytesIsToldByWhatTheAllocatorSays) {
    RepeatLevels levels;
    for (std::uint64_t i = 0; i < 12; ++i) {
        levels.add({{"host", Bytes(50'000'000 + (i * 7'000'000) % 3'000'000), Basis::sampled},
                    {"host", Bytes(1'000 + 100 * i), Basis::exact}});
    }
    EXPECT_EQ(verdict_of(levels), Verdict::leak);
    EXPECT_EQ(bytes_a_repeat(levels.judge().front().judgement), Bytes(100));
}

TEST(RepeatLevels, WhatTheAllocatorDoesNotGiveOutIsALeakAsWell) {
    for (const bool grows : {false, true}) {
        RepeatLevels levels;
        for (std::uint64_t i = 0; i < 40; ++i) {
            levels.add({{"host", Bytes(5'000'000 + (grows ? i << 20U : 0)), Basis::sampled},
                        {"host", Bytes(1'000), Basis::exact}});
        }
        EXPECT_EQ(verdict_of(levels), grows ? Verdict::leak : Verdict::none);
    }
}

TEST(RepeatLevels, TooFewRepeatsSayNothing) {
    RepeatLevels levels;
    levels.add({{"cuda:0", 1_MiB, Basis::exact}});
    levels.add({{"cuda:0", 2_MiB, Basis::exact}});
    EXPECT_EQ(verdict_of(levels), Verdict::inconclusive);
    EXPECT_TRUE(RepeatLevels().judge().empty());
    RepeatLevels unseen;
    for (int i = 0; i < 30; ++i) {
        unseen.add({});
    }
    EXPECT_EQ(verdict_of(unseen), Verdict::inconclusive);
    EXPECT_NE(unseen.judge().front().judgement.why.find("0 of 30"), std::string::npos);
}

/// What a book makes of one attempt of a test.
MemoryVerdict booked(Attempt attempt, Bytes kept) {
    TestRun run;
    SilentEvents events;
    RunBook book(run, {TestCase{.id = "a", .name = "a", .binary = "b"}}, {}, events);
    (void)book.add(0, std::move(attempt), kept);
    return run.results.front().memory;
}

TEST(RunBook, ALeakGoesBeforeWhatWasLeftAndNobodysIsSaid) {
    Attempt attempt;
    attempt.residues.push_back({.name = "sleep", .bytes = 1_MiB});
    EXPECT_EQ(booked(attempt, {}), MemoryVerdict::residue);
    attempt.left_by_one_of = {2, "b", "a"};
    EXPECT_EQ(booked(attempt, {}), MemoryVerdict::unattributable);
    attempt.growth.push_back({"host", {.verdict = Verdict::cache}});
    EXPECT_EQ(booked(attempt, {}), MemoryVerdict::unattributable);
    attempt.growth.push_back({"cuda:0", {.verdict = Verdict::leak}});
    EXPECT_EQ(booked(attempt, {}), MemoryVerdict::leak);
    EXPECT_EQ(booked({}, 200_MiB), MemoryVerdict::kept);
    EXPECT_EQ(booked({}, 20_MiB), MemoryVerdict::clean);
    EXPECT_EQ(booked({.left_by_one_of = TestsOfProcess{2, "b", "a"}}, 200_MiB),
              MemoryVerdict::unattributable);
}

CageOutcome ended_by(int signal) {
    CageOutcome outcome;
    outcome.began = true;
    outcome.signalled = true;
    outcome.code = signal;
    return outcome;
}

TEST(CrashLook, IsTakenOfFaultsThatMayBeSeenAgain) {
    std::string why_not;
    EXPECT_TRUE(is_worth_a_look(ended_by(SIGSEGV), why_not));
    EXPECT_FALSE(is_worth_a_look(ended_by(SIGKILL), why_not));
    EXPECT_EQ(why_not, "");
    CageOutcome told = ended_by(SIGABRT);
    told.output_tail = "==1==ERROR: AddressSanitizer: heap-use-after-free";
    EXPECT_FALSE(is_worth_a_look(told, why_not));
    EXPECT_NE(why_not, "");
    CageOutcome ours = ended_by(SIGABRT);
    ours.ended_by_us = EndedByUs::timed_out;
    EXPECT_FALSE(is_worth_a_look(ours, why_not));
}

TEST(CrashLook, SaysWhatWasSeenAndElseWhyNothingWas) {
    const ScratchFolder scratch;
    const std::filesystem::path file = scratch.path() / "seen";
    const auto seen = [&](const std::string& text) {
        std::ofstream(file) << text;
        return seen_crash(file, ended_by(SIGSEGV), {});
    };
    const CrashStack stack = seen(
        R"({"problem": "", "signal": 11, "frames": [{"name": "f() at a.cpp:3", "own": true}]})");
    ASSERT_EQ(stack.frames.size(), 1U);
    EXPECT_EQ(stack.frames[0].name, "f() at a.cpp:3");
    EXPECT_TRUE(stack.frames[0].is_own);
    EXPECT_EQ(stack.note, "");
    EXPECT_NE(seen(R"({"signal": 6, "frames": [{"name": "f"}]})").note.find("SIGABRT"),
              std::string::npos);
    EXPECT_NE(seen(R"({"signal": 0, "code": 3})").note.find("exit code 3"), std::string::npos);
    EXPECT_NE(seen(R"({"problem": "refused"})").note.find("refused"), std::string::npos);
    EXPECT_FALSE(seen("nonsense").is_empty());
}

TEST(PythonStack, IsThatOfTheThreadThatCrashed) {
    const CrashStack stack = python_stack(
        "words\nFatal Python error: Segmentation fault\n\nThread 0x1 (most recent call first):\n"
        "  File \"/x/other.py\", line 1 in other\n\n"
        "Current thread 0x2 (most recent call first):\n"
        "  File \"/x/test_a.py\", line 5 in test_crash\n"
        "  File \"/usr/lib/python3/dist-packages/_pytest/python.py\", line 9 in call\n\n"
        "Extension modules: numpy\n");
    ASSERT_EQ(stack.frames.size(), 2U);
    EXPECT_EQ(stack.frames[0].name, "test_crash at /x/test_a.py:5");
    EXPECT_TRUE(stack.frames[0].is_own);
    EXPECT_FALSE(stack.frames[1].is_own);
    EXPECT_NE(python_stack("nothing of it").note, "");
}

}  // namespace
}  // namespace hexcore
