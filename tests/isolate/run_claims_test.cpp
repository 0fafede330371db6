#include "hexcore/isolate/run_claims.hpp"

#include <gmock/gmock.h>

#include "hexcore/isolate/job_order.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Time = RunClaims::Time;

/// 16 GiB, all of them free, whoever has said what; 8 cores.
class ClaimedRoom : public MachineRoom {
public:
    TestMachine machine() const override {
        return {8, 16_GiB, 16_GiB, {{"cuda:0", 24_GiB, 24_GiB, "GPU-0"}}};
    }
    RoomReading read(Bytes) override { return {{free, {{"cuda:0", 24_GiB}}}, free, false, {}}; }
    std::string holders(const std::vector<std::uint32_t>&) override { return {}; }

    Bytes free = 16_GiB;
};

/// Of runs beside each other; in one process here.
class Claims : public testing::Test {
protected:
    std::unique_ptr<RunClaims> run(const char* name, bool shares_cores = true) {
        auto opened = RunClaims::open(
            {.name = name, .shares_cores = shares_cores, .folder = temp_ / "reservations"});
        EXPECT_TRUE(opened) << opened.error().message;
        (*opened)->look_at(room_, 8);
        return *std::move(opened);
    }
    /// What one has for the next test, after it has looked once more.
    Room room(RunClaims& run) {
        now_ += std::chrono::seconds(1);
        Room room{{room_.free, {{"cuda:0", 24_GiB}}}};
        run.limit(room, room_.read({}), now_);
        return room;
    }
    static bool starts(RunClaims& run, const TestNeed& all, std::uint32_t processors = 1) {
        return run.cover({.let_in = all, .processors = processors}, 1, all);
    }
    void settle(RunClaims& run, const RunTaken& taken, bool wants_cores = false) {
        now_ += std::chrono::seconds(1);
        run.settle(taken, wants_cores, now_);
    }

    test::TempFolder temp_;
    ClaimedRoom room_;
    Time now_{};
};

TEST_F(Claims, WhatOneIsGoingToTakeIsNotFreeForAnother) {
    const auto one = run("one");
    const auto other = run("other");
    ASSERT_TRUE(starts(*one, {10_GiB, {{"cuda:0", 20_GiB}}}));
    const Room left = room(*other);
    EXPECT_EQ(left.free.host, 6_GiB);
    EXPECT_EQ(of_device(left.free.devices, "cuda:0"), 4_GiB);
    EXPECT_FALSE(starts(*other, {7_GiB}));
    EXPECT_FALSE(starts(*other, {{}, {{"cuda:0", 5_GiB}}}));
    EXPECT_TRUE(starts(*other, {6_GiB, {{"cuda:0", 4_GiB}}}));
    EXPECT_EQ(room(*one).free.host, 10_GiB) << "of its own all is its own";
    EXPECT_THAT(other->holders(), AllOf(HasSubstr("10.00 GiB by process"), HasSubstr("(one)"),
                                        HasSubstr("of cuda:0"), HasSubstr("20.00 GiB")));
}

TEST_F(Claims, TwoThatLookAtTheSameTimeDoNotBothGetIt) {
    const auto one = run("one");
    const auto other = run("other");
    EXPECT_EQ(room(*one).free.host, 16_GiB);
    EXPECT_EQ(room(*other).free.host, 16_GiB);
    EXPECT_TRUE(starts(*one, {10_GiB}));
    EXPECT_FALSE(starts(*other, {10_GiB}));
    Room room{{16_GiB}};
    other->limit(room, room_.read({}), now_);  // it has not looked again
    EXPECT_LT(room.free.host, 10_GiB) << "the same is not tried until it has";
}

TEST_F(Claims, WhatIsTakenIsMissingOnce) {
    const auto one = run("one");
    const auto other = run("other");
    ASSERT_TRUE(starts(*one, {10_GiB}));
    room_.free = 10_GiB;  // it has taken 6 of them
    EXPECT_EQ(room(*other).free.host, 0_B);
    settle(*one, {.let_in = {10_GiB}, .held = {6_GiB}, .processors = 1});
    EXPECT_EQ(room(*other).free.host, 6_GiB);
    // That test has ended, and the next has nothing yet.
    room_.free = 16_GiB;
    ASSERT_TRUE(one->cover({.let_in = {10_GiB}, .processors = 1}, 1, {10_GiB}));
    EXPECT_EQ(room(*other).free.host, 6_GiB);
}

/// What a large test had is taken by others before this run says that it is free.
TEST_F(Claims, WhoTakesNoneOfWhatIsShortBegins) {
    const auto one = run("one");
    ASSERT_TRUE(starts(*one, {1_GiB, {{"cuda:0", 20_GiB}}}));
    settle(*one, {.let_in = {1_GiB, {{"cuda:0", 20_GiB}}}, .held = {{}, {{"cuda:0", 20_GiB}}}});
    const auto other = run("other");
    ASSERT_TRUE(starts(*other, {{}, {{"cuda:0", 24_GiB}}}));
    RunTaken both{.let_in = {3_GiB, {{"cuda:0", 20_GiB}}}, .processors = 1};
    EXPECT_TRUE(one->cover(both, 1, {2_GiB}));
    EXPECT_EQ(room(*other).free.host, 13_GiB);
}

TEST_F(Claims, WhatIsOverIsGivenBack) {
    const auto other = run("other");
    {
        const auto one = run("one");
        ASSERT_TRUE(starts(*one, {10_GiB, {{"cuda:0", 20_GiB}}}, 8));
        settle(*one, {});
        EXPECT_EQ(room(*other).free.host, 16_GiB);
        EXPECT_EQ(room(*other).slots, 8U);
        EXPECT_EQ(of_device(room(*other).free.devices, "cuda:0"), 24_GiB);
        ASSERT_TRUE(starts(*one, {10_GiB}));
    }
    EXPECT_EQ(room(*other).free.host, 16_GiB);
    EXPECT_THAT(other->holders(), IsEmpty());
}

TEST_F(Claims, ManySmallTestsWriteItAFewTimes) {
    const auto one = run("one");
    const auto file = temp_ / "reservations" / one->id();
    ASSERT_TRUE(starts(*one, {5_MiB}));
    const auto written = std::filesystem::last_write_time(file);
    for (int test = 0; test < 100; ++test) {
        ASSERT_TRUE(starts(*one, {Bytes(1'000'000U + 10'000U * static_cast<unsigned>(test))}));
        settle(*one, {.let_in = {1_MiB}, .held = {1_MiB}, .processors = 1});
    }
    EXPECT_EQ(std::filesystem::last_write_time(file), written);
}

TEST_F(Claims, CoresAreSharedByThoseThatWantThem) {
    const auto one = run("one");
    const auto other = run("other");
    EXPECT_EQ(room(*one).slots, 8U);
    ASSERT_TRUE(starts(*one, {8_MiB}, 8));
    EXPECT_EQ(room(*other).slots, 1U) << "there is none, and one runs all the same";
    ASSERT_TRUE(starts(*other, {1_MiB}));
    EXPECT_FALSE(starts(*other, {2_MiB}, 2));
    settle(*other, {.let_in = {1_MiB}, .processors = 1}, true);
    EXPECT_EQ(room(*one).slots, 4U);
    settle(*one, {.let_in = {4_MiB}, .processors = 4}, true);
    EXPECT_EQ(room(*other).slots, 4U);
    ASSERT_TRUE(other->cover({.let_in = {4_MiB}, .processors = 4}, 1, {1_MiB}));
    EXPECT_THAT(other->core_holders(), AllOf(HasSubstr("4 of 8 cores"), HasSubstr("(one)")));
    settle(*other, {.let_in = {1_MiB}, .processors = 1});  // its last test
    EXPECT_EQ(room(*one).slots, 7U);
}

TEST_F(Claims, WhoIsToldHowManyTakesThem) {
    const auto one = run("one");
    ASSERT_TRUE(starts(*one, {8_MiB}, 8));
    const auto other = run("other", false);
    EXPECT_EQ(room(*other).slots, 8U);
    EXPECT_TRUE(starts(*other, {8_MiB}, 8));
}

TEST_F(Claims, WhoWaitsHasItsTurnInOrder) {
    auto one = run("one");
    const auto other = run("other");
    const auto third = run("third");
    ASSERT_TRUE(starts(*one, {10_GiB}));
    room(*other);
    other->wait_for("large test", TestNeed{12_GiB});
    EXPECT_FALSE(other->has_got());
    EXPECT_TRUE(other->next_look());
    EXPECT_EQ(room(*other).free.host, 0_B) << "until it is its turn";
    EXPECT_FALSE(starts(*third, {5_GiB})) << "though 6 GiB are free";
    EXPECT_THAT((room(*third), third->holders()), HasSubstr("12.00 GiB waited for by process"));
    one.reset();
    EXPECT_GE(room(*other).free.host, 12_GiB);
    EXPECT_TRUE(other->has_got());
    EXPECT_FALSE(starts(*third, {5_GiB}));
    EXPECT_TRUE(starts(*other, {12_GiB}));
    EXPECT_FALSE(other->has_got());
    EXPECT_TRUE(starts(*third, {4_GiB}));
}

TEST_F(Claims, WhoNoLongerWaitsKeepsNobody) {
    const auto one = run("one");
    const auto other = run("other");
    const auto third = run("third");
    ASSERT_TRUE(starts(*one, {10_GiB}));
    other->wait_for("large test", TestNeed{12_GiB});
    other->wait_for("", std::nullopt);
    EXPECT_TRUE(starts(*third, {6_GiB}));
}

TEST_F(Claims, WhereTheyCanNoLongerBeKeptTestsGoOn) {
    const auto one = run("one");
    std::filesystem::remove_all(temp_ / "reservations");
    EXPECT_TRUE(starts(*one, {10_GiB}));
    EXPECT_THAT(one->take_problem(), HasSubstr("cannot be reserved"));
    EXPECT_THAT(one->take_problem(), IsEmpty());
    EXPECT_EQ(room(*one).free.host, 16_GiB);
    EXPECT_TRUE(starts(*one, {100_GiB}));
}

}  // namespace
}  // namespace hexcore
