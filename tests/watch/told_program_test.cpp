#include "hexcore/watch/told_program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using test::KeptRecords;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

/// Programs that tell, each through one ring, without a ring.
class ToldProgramTest : public ::testing::Test {
protected:
    ToldProgram program(std::uint64_t number) {
        return {test::some_process(number), names_, [](std::uint32_t) { return nullptr; }};
    }
    void tell(ToldProgram& program, const RingRecord& record) {
        program.record(record, now_, kept_);
    }
    void tell(ToldProgram& program, RingKind kind, std::vector<std::uint64_t> numbers,
              std::vector<std::string_view> texts = {}, std::uint32_t holder = 1) {
        tell(program, {.kind = kind, .holder = holder, .numbers = numbers, .texts = texts});
    }
    void open(ToldProgram& program, std::uint32_t holder = 1) {
        tell(program, RingKind::holder, {0}, {"host0"}, holder);
    }
    void label(ToldProgram& program, RingKind kind, std::uint16_t depth, std::string_view name) {
        tell(program, {.kind = kind, .depth = depth, .thread = 1, .texts = {&name, 1}});
    }
    /// What was told of the events, as `taken 1`.
    [[nodiscard]] std::vector<std::string> events() const {
        std::vector<std::string> lines;
        for (const RecordedEvent& event : kept_.events) {
            lines.push_back(std::string(to_string(event.kind)) + " " + std::to_string(event.id));
        }
        return lines;
    }
    [[nodiscard]] Bytes latest_total() const { return kept_.all_amounts.back().total(); }

    ToldNames names_{{.allocations = 2, .holders = 3, .stacks = 2}};
    KeptRecords kept_;
    RecordedTime now_{};
};

TEST_F(ToldProgramTest, MoreThanThereCanBeIsNoMore) {
    ToldNames names;
    ToldProgram told{test::some_process(1), names, [](std::uint32_t) { return nullptr; }};
    open(told);
    constexpr std::uint64_t n_allocations = 70'000;  // times the most of one is beyond 64 bits
    for (std::uint64_t id = 1; id <= n_allocations; ++id) {
        tell(told, RingKind::taken, {id, ~0ULL}, {"kv"});
    }
    told.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), recorded_bytes_max);
    for (std::uint64_t id = 1; id <= n_allocations; ++id) {
        tell(told, RingKind::released, {id});
    }
    told.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), Bytes());
    EXPECT_EQ(kept_.events.size(), 2 * n_allocations);
}

TEST_F(ToldProgramTest, OfAllocationsBeyondTheBudgetOfAllNeitherBeginningNorEndIsTold) {
    ToldProgram a = program(1);
    ToldProgram b = program(2);
    open(a);
    open(b);
    tell(a, RingKind::taken, {1, 10}, {"kv"});
    tell(b, RingKind::taken, {2, 10}, {"kv"});
    tell(b, RingKind::taken, {3, 10}, {"kv"});
    tell(b, RingKind::released, {3});
    b.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), Bytes(10)) << "nor is it in a sum, for ever";
    EXPECT_THAT(events(), ElementsAre("taken 1", "taken 2"));
    EXPECT_EQ(names_.notes(), "1 living allocations beyond 2 were not followed. ");
    tell(b, RingKind::released, {2});
    tell(b, RingKind::taken, {4, 10}, {"kv"});
    a.end(now_, kept_);
    tell(b, RingKind::taken, {5, 10}, {"kv"});
    EXPECT_THAT(events(), ElementsAre("taken 1", "taken 2", "released 2", "taken 4", "taken 5"))
        << "there is room again after a release, and after an end";
}

TEST_F(ToldProgramTest, HoldersThatAreTooManyAreNoted) {
    ToldProgram told = program(1);
    for (std::uint32_t holder = 1; holder <= 5; ++holder) {
        open(told, holder);
    }
    EXPECT_EQ(names_.notes(), "2 holders of memory beyond 3 were not followed. ");
}

TEST_F(ToldProgramTest, AStackThatIsToldAgainIsTheSame) {
    ToldProgram told = program(1);
    open(told);
    tell(told, RingKind::module, {1}, {"/a.so"});
    const auto take_with = [&](std::uint64_t stack, std::uint64_t address) {
        tell(told, RingKind::stack, {stack, 1, address});
        tell(told, RingKind::taken, {1, 10, stack}, {"kv"});
        const StackRef found = kept_.events.back().site.stack;
        tell(told, RingKind::released, {1});
        return found;
    };
    const StackRef first = take_with(1, 0x10);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(take_with(7, 0x10), first) << "as after a loss, when all are told anew";
    EXPECT_NE(take_with(8, 0x20), first);
    EXPECT_EQ(take_with(9, 0x30), nullptr);
    EXPECT_EQ(names_.notes(), "1 call stacks beyond 2 were not followed. ");
}

TEST_F(ToldProgramTest, AHolderThatEndsGivesBackWhatItHas) {
    ToldProgram told = program(1);
    open(told);
    tell(told, RingKind::taken, {1, 10}, {"kv"});
    tell(told, RingKind::taken, {2, 20}, {"kv"});
    tell(told, RingKind::holder_ends, {});
    EXPECT_THAT(events(), UnorderedElementsAre("taken 1", "taken 2", "released 1", "released 2"));
    EXPECT_EQ(latest_total(), Bytes());
    open(told);
    tell(told, RingKind::taken, {3, 10}, {"kv"});
    kept_.events.clear();
    told.end(now_, kept_);
    EXPECT_THAT(events(), ElementsAre()) << "what a process leaves at its end was never released";
    EXPECT_EQ(latest_total(), Bytes());
}

TEST_F(ToldProgramTest, SumsOfALedgerAreRightEvenIfNobodyHeardWhatWasTaken) {
    ToldProgram told = program(1);
    open(told);
    tell(told, RingKind::amounts, {100, 10}, {"kv", "experts"});
    tell(told, RingKind::relabelled, {7, 60}, {"experts", "kv"});
    told.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), Bytes(110));
    EXPECT_EQ(kept_.all_amounts.back().amounts[0].bytes, Bytes(40));
    tell(told, RingKind::released, {7, 60}, {"experts"});
    told.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), Bytes(50));
    EXPECT_THAT(events(), ElementsAre()) << "of which no beginning was told";
    for (std::uint64_t id = 1; id <= 3; ++id) {
        tell(told, RingKind::taken, {id, 5}, {"experts"});
    }
    for (std::uint64_t id = 1; id <= 3; ++id) {
        tell(told, RingKind::released, {id, 5}, {"experts"});
    }
    told.tell_amounts(now_, kept_);
    EXPECT_EQ(latest_total(), Bytes(50)) << "one was beyond the budget, and in no sum";
}

TEST_F(ToldProgramTest, AnOuterLabelIsNotToldToLeaveWhatOneWithinItHad) {
    ToldProgram told = program(1);
    open(told);
    const auto sum = [&](std::uint64_t bytes) { tell(told, RingKind::amounts, {bytes}, {"kv"}); };
    label(told, RingKind::label_begins, 1, "epoch");
    for (std::uint64_t step = 1; step <= 3; ++step) {
        now_ += milliseconds(20);
        label(told, RingKind::label_begins, 2, "step");
        label(told, RingKind::label_begins, 3, "inner");
        sum(step + 100);
        label(told, RingKind::label_ends, 3, "inner");
        sum(step);
        now_ += milliseconds(1);
        label(told, RingKind::label_ends, 2, "step");
        EXPECT_EQ(latest_total(), Bytes(step));
        EXPECT_EQ(kept_.all_amounts.back().time, now_);
    }
    sum(50);
    label(told, RingKind::label_ends, 1, "epoch");
    EXPECT_EQ(latest_total(), Bytes(50)) << "however soon after one within it";
    label(told, RingKind::label_begins, 1, "save");
    sum(7);
    label(told, RingKind::label_ends, 1, "save");
    EXPECT_EQ(latest_total(), Bytes(7)) << "however soon after another";
}

TEST_F(ToldProgramTest, LabelsWithinAnotherAreNotEachWorthARecord) {
    ToldProgram told = program(1);
    open(told);
    label(told, RingKind::label_begins, 1, "step");
    for (std::uint64_t i = 1; i <= 100; ++i) {
        label(told, RingKind::label_begins, 2, "inner");
        tell(told, RingKind::amounts, {i}, {"kv"});
        label(told, RingKind::label_ends, 2, "inner");
    }
    EXPECT_EQ(kept_.all_amounts.size(), 1U);
}

}  // namespace
}  // namespace hexcore
