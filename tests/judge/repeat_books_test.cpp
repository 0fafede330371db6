#include "hexcore/judge/repeat_books.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace hexcore {
namespace {

/// A program that tells all it takes.
class Program {
public:
    std::uint64_t take(Bytes bytes, const std::string& purpose = "work") {
        sizes_.push_back(bytes);
        const std::uint64_t id = sizes_.size() - 1;
        books.taken({1, id}, bytes, books.place_of({"host", purpose, "step", 0}));
        total += bytes;
        return id;
    }
    void give(std::uint64_t id) {
        books.released({1, id});
        total -= sizes_[id];
    }
    void end() { books.repeat_ended(total.as_double()); }
    /// The verdict on a purpose; none if it has nothing.
    [[nodiscard]] Judgement judged(const std::string& purpose = "work") const {
        for (const SiteJudgement& judged : books.judge()) {
            if (judged.site.purpose == purpose) {
                return judged.judgement;
            }
        }
        return {.verdict = Verdict::none};
    }

    RepeatBooks books;
    Bytes total;

private:
    std::vector<Bytes> sizes_;
};

TEST(RepeatBooks, SitesBeyondTheMostCountForOneOfTheirDevice) {
    RepeatBooks books;
    for (std::uint64_t stack = 1; stack <= RepeatBooks::sites_max; ++stack) {
        (void)books.place_of({"host", "work", "step", stack});
    }
    const RepeatBooks::Place first = books.place_of({"host", "work", "step", 1});
    const RepeatBooks::Place beyond = books.place_of({"host", "work", "other", 0});
    EXPECT_EQ(beyond, books.place_of({"host", "more", "step", 7}));
    EXPECT_NE(beyond, books.place_of({"cuda:0", "work", "other", 0}));
    for (std::uint64_t id = 1; id <= 4; ++id) {
        books.taken({1, id}, 4_KiB, id % 2 == 0 ? first : beyond);
        books.repeat_ended(0);
    }
    std::size_t n_held = 0;
    for (const SiteJudgement& judged : books.judge()) {
        n_held += judged.held_bytes > 0 ? 1 : 0;
    }
    EXPECT_EQ(n_held, 2U);
}

TEST(RepeatBooks, FindAPageARepeatBelowAWorkingSetOfTheSamePlace) {
    std::mt19937 random(1);
    Program program;
    std::vector<std::uint64_t> working;
    for (int i = 0; i < 40; ++i) {
        program.take(4_KiB);
        for (const std::uint64_t id : working) {
            program.give(id);
        }
        working.clear();
        for (std::size_t k = random() % 5; k > 0; --k) {
            working.push_back(program.take(1_MiB * (1 + random() % 50)));
        }
        program.end();
    }
    const Judgement judgement = program.judged();
    EXPECT_EQ(judgement.verdict, Verdict::leak);
    EXPECT_EQ(judgement.bytes_per_repeat, 4096);
    EXPECT_LE(judgement.known_after, 20U);
}

TEST(RepeatBooks, FindABufferThatIsReplacedByALargerOne) {
    Program program;
    std::uint64_t buffer = program.take(1_MiB);
    for (std::uint64_t i = 0; i < 12; ++i) {
        const std::uint64_t larger = program.take(1_MiB + 64_KiB * (i + 1));
        program.give(buffer);
        buffer = larger;
        program.end();
    }
    EXPECT_EQ(program.judged().verdict, Verdict::leak);
    EXPECT_EQ(program.judged().bytes_per_repeat, 65536);
}

TEST(RepeatBooks, SayWhichPurposeLeaks) {
    Program program;
    const std::uint64_t weights = program.take(100_MiB, "weights");
    for (int i = 0; i < 12; ++i) {
        program.take(256_KiB, "kv cache");
        program.give(program.take(8_MiB, "scratch"));
        program.end();
    }
    program.give(weights);
    const auto judged = program.books.judge();
    ASSERT_EQ(judged.size(), 3U);
    EXPECT_EQ(judged[0].site.purpose, "kv cache");
    EXPECT_EQ(judged[0].judgement.verdict, Verdict::leak);
    EXPECT_EQ(judged[0].held_bytes, (3_MiB).as_double());
    EXPECT_EQ(program.judged("weights").verdict, Verdict::cache) << "taken in the first repeat";
    EXPECT_EQ(program.judged("scratch").verdict, Verdict::none) << "not there at any end";
}

TEST(RepeatBooks, TakeWhatEvictsForAPool) {
    std::mt19937 random(2);
    Program queue;
    std::deque<std::uint64_t> waiting;
    for (int i = 0; i < 200; ++i) {
        waiting.push_back(queue.take(1_KiB * (1 + random() % 64)));
        if (waiting.size() > 10 + random() % 5) {
            queue.give(waiting.front());
            waiting.pop_front();
        }
        queue.end();
    }
    EXPECT_EQ(queue.judged().verdict, Verdict::pool);
    Program sawtooth;
    std::vector<std::uint64_t> kept;
    for (int i = 0; i < 100; ++i) {
        kept.push_back(sawtooth.take(1_MiB));
        if (kept.size() == 17) {
            for (const std::uint64_t id : kept) {
                sawtooth.give(id);
            }
            kept.clear();
        }
        sawtooth.end();
    }
    EXPECT_EQ(sawtooth.judged().verdict, Verdict::pool);
}

TEST(RepeatBooks, TakeWhatIsFreedAtTheEndForTheLeakItWas) {
    Program program;
    std::vector<std::uint64_t> kept;
    for (int i = 0; i < 12; ++i) {
        kept.push_back(program.take(4_KiB));
        program.end();
    }
    for (const std::uint64_t id : kept) {
        program.give(id);
    }
    EXPECT_EQ(program.judged().verdict, Verdict::leak);
}

TEST(RepeatBooks, TakeMemoryThatIsMovedForNoLeak) {
    Program program;
    program.total = 8_MiB * 16;  // of another holder, from before
    for (std::uint64_t i = 0; i < 16; ++i) {
        program.take(8_MiB);
        program.total -= 8_MiB;
        program.end();
    }
    EXPECT_EQ(program.judged().verdict, Verdict::pool);
    for (std::uint64_t i = 0; i < 16; ++i) {
        program.take(8_MiB);
        program.end();
    }
    EXPECT_EQ(program.judged().verdict, Verdict::leak);
}

TEST(RepeatBooks, GoByAmountsWhereAllocationsAreNotTold) {
    RepeatBooks books;
    const auto allocated = books.place_of({"cuda:0", "allocated", "", 0});
    const auto cache = books.place_of({"cuda:0", "cache", "", 0});
    for (std::uint64_t i = 0; i < 20; ++i) {
        books.amount(allocated, 100_MiB + 1_MiB * i);
        books.amount(cache, 20_MiB);
        books.repeat_ended((120_MiB + 1_MiB * i).as_double());
    }
    const auto judged = books.judge();
    ASSERT_EQ(judged.size(), 2U);
    EXPECT_EQ(judged[0].site.purpose, "allocated");
    EXPECT_EQ(judged[0].judgement.verdict, Verdict::leak);
    EXPECT_EQ(judged[0].judgement.bytes_per_repeat, 1048576);
    EXPECT_EQ(judged[1].judgement.verdict, Verdict::none);
}

TEST(RepeatBooks, OfAMillionRepeatsAreTheSameInBoundedMemory) {
    Program program;
    std::uint64_t last = program.take(1_KiB);
    for (int i = 0; i < 1'000'000; ++i) {
        const std::uint64_t next = program.take(1_KiB);
        program.give(last);
        last = next;
        if (i % 10 == 0) {
            program.take(10_B);
        }
        program.end();
    }
    EXPECT_EQ(program.judged().verdict, Verdict::leak);
    EXPECT_NEAR(program.judged().bytes_per_repeat, 1, 0.01);
    EXPECT_EQ(program.books.repeats(), 1'000'000U);
}

}  // namespace
}  // namespace hexcore
