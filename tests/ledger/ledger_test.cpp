#include "hexcore/ledger/ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <utility>
#include <vector>

namespace hexcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = LedgerEvent::Kind;

/// Writes down each event as a line, and holds it against the one before: what changes is what the
/// event says, and never more than the limit is held.
class Listener : public LedgerSink {
public:
    explicit Listener(Bytes limit) : limit_(limit) {}

    void told(const LedgerEvent& event) noexcept override {
        apply(event);
        wrong_ += event.held != held_ || event.ahead != ahead_ ? 1 : 0;
        wrong_ += held_.total() + ahead_ > limit_ ? 1 : 0;
        lines_.push_back(line(event));
    }

    [[nodiscard]] int wrong() const { return wrong_; }
    [[nodiscard]] Usage held() const { return held_; }
    /// Since they were last asked for.
    [[nodiscard]] std::vector<std::string> lines() { return std::exchange(lines_, {}); }

private:
    Bytes& place(std::optional<Purpose> purpose) { return purpose ? held_[*purpose] : ahead_; }

    void apply(const LedgerEvent& event) {
        switch (event.kind) {
            case Kind::taken_ahead:
                ahead_ += event.bytes;
                break;
            case Kind::taken:
                // What was ahead before is so no longer; the event does not say whether it was.
                ahead_ = event.ahead;
                held_[*event.purpose] += event.bytes;
                break;
            case Kind::relabelled:
                held_[*event.purpose_before] -= event.bytes;
                held_[*event.purpose] += event.bytes;
                break;
            case Kind::released:
                place(event.purpose) -= event.bytes;
                break;
            case Kind::refused:
                break;
        }
    }

    static std::string line(const LedgerEvent& event) {
        const auto name = [](std::optional<Purpose> purpose) {
            return purpose ? to_string(*purpose) : "ahead";
        };
        const std::string what = fmt::format("{} {} {}", event.bytes.count(), name(event.purpose),
                                             event.held.total().count());
        switch (event.kind) {
            case Kind::taken_ahead:
                return "+ahead " + what;
            case Kind::taken:
                return "+ " + what;
            case Kind::relabelled:
                return fmt::format("{} -> {}", name(event.purpose_before), what);
            case Kind::released:
                return "- " + what;
            case Kind::refused:
                return fmt::format("refused {}: {}", what, event.why->message);
        }
        return "";
    }

    const Bytes limit_;
    Usage held_;
    Bytes ahead_;
    int wrong_ = 0;
    std::vector<std::string> lines_;
};

/// A ledger of 100 bytes, and what it tells.
class LedgerOfADevice : public ::testing::Test {
protected:
    LedgerOfADevice() { ledger_.add_sink(told_); }
    ~LedgerOfADevice() override { EXPECT_EQ(told_.wrong(), 0); }

    LedgerEntry take(Bytes size, Purpose purpose) {
        return std::move(ledger_.take(size, purpose)).value();
    }

    Listener told_{100_B};
    Ledger ledger_{"host0", 100_B};
};

TEST_F(LedgerOfADevice, TellsWhatIsTakenAndReleasedInItsOrder) {
    {
        const LedgerEntry weights = take(40_B, Purpose::weights);
        const LedgerEntry experts = take(60_B, Purpose::experts);
        EXPECT_THAT(told_.lines(), ElementsAre("+ 40 weights 40", "+ 60 experts 100"));
        EXPECT_EQ(ledger_.accounted().experts, 60_B);
    }
    EXPECT_THAT(told_.lines(), ElementsAre("- 60 experts 40", "- 40 weights 0"));
    EXPECT_EQ(ledger_.accounted(), Usage{});
}

TEST_F(LedgerOfADevice, EntersARefusalOverItsBudgetAndNothingElse) {
    const LedgerEntry held = take(60_B, Purpose::weights);
    (void)told_.lines();
    const auto refused = ledger_.take(41_B, Purpose::kv);
    ASSERT_FALSE(refused.has_value());
    const auto lines = told_.lines();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr("refused 41 kv 60: host0 was asked for 41 B"));
    EXPECT_EQ(ledger_.budget().used(), 60_B);
    EXPECT_EQ(ledger_.accounted().total(), 60_B);
}

TEST_F(LedgerOfADevice, EntersARefusalOfTheMemoryItselfAndGivesItsBytesBack) {
    bool asked = false;
    const auto refused = ledger_.take(100_B, Purpose::compute, [&]() -> Result<void> {
        asked = true;
        EXPECT_EQ(ledger_.budget().used(), 100_B) << "reserved before it is asked for";
        return fail(ErrorCode::does_not_fit, "out of memory");
    });
    EXPECT_TRUE(asked);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(told_.lines(), ElementsAre("refused 100 compute 0: out of memory"));
    EXPECT_EQ(ledger_.budget().used(), 0_B);
    EXPECT_EQ(ledger_.accounted(), Usage{});
}

TEST_F(LedgerOfADevice, KeepsTheFirstRefusalUntilItIsAskedFor) {
    ledger_.refuse({ErrorCode::bad_input, "another model"});
    ledger_.refuse({ErrorCode::does_not_fit, "no room"});
    EXPECT_THAT(told_.lines(),
                ElementsAre("refused 0 ahead 0: another model", "refused 0 ahead 0: no room"));
    EXPECT_EQ(ledger_.last_refusal().value().message, "another model");
    EXPECT_FALSE(ledger_.last_refusal().has_value());
}

TEST_F(LedgerOfADevice, KeepsTheSumWhateverAnEntryIsCalled) {
    LedgerEntry entry = take(30_B, Purpose::kv);
    const LedgerEntry other = take(50_B, Purpose::weights);
    (void)told_.lines();
    entry.label(Purpose::recurrent);
    entry.label(Purpose::recurrent);
    EXPECT_THAT(told_.lines(), ElementsAre("kv -> 30 recurrent 80"));
    Usage expected;
    expected.weights = 50_B;
    expected.recurrent = 30_B;
    EXPECT_EQ(ledger_.accounted(), expected);
}

TEST_F(LedgerOfADevice, LooksWhatAnEntryIsForWhenItIsAskedAndWhenAnythingIsReleased) {
    Purpose shown = Purpose::kv;
    LedgerEntry entry = take(30_B, Purpose::kv);
    entry.label_as_shown([&] { return shown; });
    (void)told_.lines();
    shown = Purpose::weights;
    EXPECT_THAT(told_.lines(), IsEmpty());
    EXPECT_EQ(ledger_.accounted().weights, 30_B);
    EXPECT_THAT(told_.lines(), ElementsAre("kv -> 30 weights 30"));
    shown = Purpose::compute;
    { const LedgerEntry other = take(1_B, Purpose::staging); }
    EXPECT_THAT(told_.lines(),
                ElementsAre("+ 1 staging 31", "weights -> 30 compute 31", "- 1 staging 30"));
    entry.label(Purpose::kv);
    EXPECT_EQ(ledger_.accounted().kv, 30_B) << "said once, it is what was said";
}

TEST_F(LedgerOfADevice, CountsWhatIsTakenAheadOnlyOnceItIsAskedFor) {
    auto asked_for = ledger_.take_ahead(60_B);
    auto dropped = ledger_.take_ahead(40_B);
    ASSERT_TRUE(asked_for && dropped);
    EXPECT_FALSE(ledger_.take_ahead(1_B)) << "and that is no refusal";
    EXPECT_EQ(ledger_.accounted(), Usage{});
    EXPECT_EQ(ledger_.budget().used(), 100_B);
    asked_for->label(Purpose::experts);
    dropped.reset();
    EXPECT_THAT(told_.lines(), ElementsAre("+ahead 60 ahead 0", "+ahead 40 ahead 0",
                                           "+ 60 experts 60", "- 40 ahead 60"));
    EXPECT_FALSE(ledger_.last_refusal().has_value());
}

TEST_F(LedgerOfADevice, ToldWhatIsWrittenOffWhileTheMemoryIsStillThere) {
    LedgerEntry entry = take(100_B, Purpose::weights);
    (void)told_.lines();
    entry.write_off();
    entry.write_off();
    EXPECT_THAT(told_.lines(), ElementsAre("- 100 weights 0"));
    EXPECT_FALSE(ledger_.take(1_B, Purpose::kv).has_value()) << "its place is not free yet";
    entry = LedgerEntry();
    EXPECT_TRUE(ledger_.take(1_B, Purpose::kv).has_value());
}

TEST_F(LedgerOfADevice, ReleasesAnEntryOnceHoweverOftenItIsMoved) {
    LedgerEntry entry = take(40_B, Purpose::weights);
    LedgerEntry moved = std::move(entry);
    LedgerEntry other = take(60_B, Purpose::experts);
    (void)told_.lines();
    moved = std::move(other);
    EXPECT_THAT(told_.lines(), ElementsAre("- 40 weights 60"));
    EXPECT_EQ(moved.size(), 60_B);
}

TEST(Ledger, TellsEverySinkTheSame) {
    Listener first(10_B);
    Listener second(10_B);
    Ledger ledger("host0", 10_B);
    ledger.add_sink(first);
    ledger.add_sink(second);
    EXPECT_TRUE(ledger.take(10_B, Purpose::kv).has_value());
    EXPECT_THAT(first.lines(), ElementsAre("+ 10 kv 10", "- 10 kv 0"));
    EXPECT_THAT(second.lines(), ElementsAre("+ 10 kv 10", "- 10 kv 0"));
}

TEST(LedgerDeathTest, ASinkThatComesLateWouldNotKnowWhatIsHeld) {
    EXPECT_DEATH(
        {
            Listener late(10_B);
            Ledger ledger("host7", 10_B);
            const auto entry = ledger.take(10_B, Purpose::kv);
            ledger.add_sink(late);
        },
        "host7 and 10");
}

TEST(Ledger, ToldByManyThreadsNeverHoldsMoreThanItsLimit) {
    constexpr int thread_count = 3;
    constexpr int rounds = 2000;
    // Two threads' pieces fit, so that they refuse each other.
    Listener told(50_B);
    Ledger ledger("host0", 50_B);
    ledger.add_sink(told);
    std::latch start(thread_count);
    std::vector<std::thread> threads;
    for (int t = 0; t < thread_count; ++t) {
        threads.emplace_back([&] {
            start.arrive_and_wait();
            for (int i = 0; i < rounds; ++i) {
                auto entry = ledger.take(20_B, Purpose::kv);
                if (entry) {
                    entry->label(Purpose::weights);
                    (void)ledger.accounted();
                }
                auto ahead = ledger.take_ahead(5_B);
                if (ahead) {
                    ahead->label(Purpose::compute);
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(told.wrong(), 0);
    EXPECT_EQ(told.held(), Usage{});
    EXPECT_EQ(ledger.accounted(), Usage{});
    EXPECT_EQ(ledger.budget().used(), 0_B);
    EXPECT_LE(ledger.budget().peak(), 50_B);
}

}  // namespace
}  // namespace hexcore
