#include "hexcore/recording/told_records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/recordings.hpp"
#include "support/records.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using test::KeptRecords;
using test::Records;
using test::some_text;

/// Who tells, and what it calls things.
struct Told {
    ProcessRef process = test::some_process(3, "python3 train.py");
    HolderRef holder = test::some_holder(2, process, "cuda:0");
    TextRef weights = some_text(1, "weights");
    TextRef kv = some_text(2, "kv");
    TextRef decode = some_text(3, "decode");
    TextRef module = some_text(4, "/usr/lib/libc.so.6");
    StackRef stack = std::make_shared<RecordedStack>(
        RecordedStack{1, {{module, 0x1234}, {nullptr, 0xFFFF'0000'1234}}});
    RecordedSite site{holder, weights, decode, stack};
    RecordedSite plain_site{holder, weights, nullptr, nullptr};
};

void read_back(const test::RecordedFile& file, KeptRecords& kept) {
    const std::string bytes = file.bytes();
    test::BytesSource source(bytes);
    const auto outcome = read_recording(source, "test.hxr", kept);
    EXPECT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome ? outcome->unreadable_bytes : 1, 0U);
}

void expect_same(const RecordedSite& a, const RecordedSite& b) {
    EXPECT_EQ(a.holder->number, b.holder->number);
    EXPECT_EQ(a.holder->device, b.holder->device);
    EXPECT_EQ(a.holder->kind, b.holder->kind);
    EXPECT_EQ(a.holder->total, b.holder->total);
    EXPECT_EQ(a.holder->process->pid, b.holder->process->pid);
    EXPECT_EQ(a.holder->process->command, b.holder->process->command);
    const auto text_of = [](const TextRef& text) { return text == nullptr ? "" : text->text; };
    EXPECT_EQ(text_of(a.purpose), text_of(b.purpose));
    EXPECT_EQ(text_of(a.label), text_of(b.label));
    ASSERT_EQ(a.stack == nullptr, b.stack == nullptr);
    for (std::size_t i = 0; a.stack != nullptr && i < b.stack->frames.size(); ++i) {
        EXPECT_EQ(text_of(a.stack->frames.at(i).module), text_of(b.stack->frames[i].module));
        EXPECT_EQ(a.stack->frames.at(i).offset, b.stack->frames[i].offset);
    }
}

TEST(ToldRecords, AreGivenBackAsTheyWereWritten) {
    const Told told;
    test::RecordedFile file;
    auto& writer = file.writer();
    writer.run(test::some_run());
    writer.label({milliseconds(1), LabelEdge::begin, told.process, 77, told.decode});
    writer.event({milliseconds(2), EventKind::taken, 0x7F00'0000'1000, 5_MiB, told.site, {}});
    writer.event({milliseconds(3), EventKind::taken, 7, 1_MiB, told.plain_site, {}});
    RecordedSite relabelled = told.plain_site;
    relabelled.purpose = told.kv;
    writer.event({milliseconds(4), EventKind::relabelled, 7, 1_MiB, relabelled, told.weights});
    writer.event({milliseconds(5), EventKind::released, 0x7F00'0000'1000, 5_MiB, told.site, {}});
    writer.event({milliseconds(5), EventKind::refused, 0, 9_GiB, told.plain_site, {}});
    writer.amounts({milliseconds(4), told.holder, {{told.weights, 6_MiB}, {told.kv, 0_B}}});
    writer.mark({milliseconds(6), told.process, some_text(9, "loaded")});
    writer.label({milliseconds(7), LabelEdge::end, told.process, 77, told.decode});
    writer.lost({milliseconds(8), told.process, 12});
    writer.counted_once({milliseconds(8), 9_GiB, 3_GiB, 4});
    writer.end({.time = milliseconds(9)});
    ASSERT_EQ(writer.problem(), "");

    KeptRecords kept;
    read_back(file, kept);
    ASSERT_EQ(kept.labels.size(), 2U);
    EXPECT_EQ(kept.labels[0].edge, LabelEdge::begin);
    EXPECT_EQ(kept.labels[0].thread, 77U);
    EXPECT_EQ(kept.labels[0].name->text, "decode");
    EXPECT_EQ(kept.labels[1].edge, LabelEdge::end);
    EXPECT_EQ(kept.labels[1].time, milliseconds(7));
    ASSERT_EQ(kept.events.size(), 5U);
    expect_same(kept.events[0].site, told.site);
    EXPECT_EQ(kept.events[0].id, 0x7F00'0000'1000U);
    EXPECT_EQ(kept.events[0].bytes, 5_MiB);
    expect_same(kept.events[1].site, told.plain_site);
    EXPECT_EQ(kept.events[2].kind, EventKind::relabelled);
    EXPECT_EQ(kept.events[2].id, 7U);
    EXPECT_EQ(kept.events[2].purpose_before->text, "weights");
    EXPECT_EQ(kept.events[2].site.purpose->text, "kv");
    EXPECT_EQ(kept.events[3].id, 0x7F00'0000'1000U);
    EXPECT_EQ(kept.events[4].kind, EventKind::refused);
    ASSERT_EQ(kept.all_amounts.size(), 1U);
    EXPECT_EQ(kept.all_amounts[0].total(), 6_MiB);
    EXPECT_EQ(kept.all_amounts[0].amounts[1].name->text, "kv");
    ASSERT_EQ(kept.marks.size(), 1U);
    EXPECT_EQ(kept.marks[0].name->text, "loaded");
    ASSERT_EQ(kept.losses.size(), 1U);
    EXPECT_EQ(kept.losses[0].records, 12U);
    ASSERT_EQ(kept.all_counted_once.size(), 1U);
    EXPECT_EQ(kept.all_counted_once[0].time, milliseconds(8));
    EXPECT_EQ(kept.all_counted_once[0].resident, 9_GiB);
    EXPECT_EQ(kept.all_counted_once[0].once, 3_GiB);
    EXPECT_EQ(kept.all_counted_once[0].n_processes, 4U);
    EXPECT_TRUE(kept.sites.empty());
    EXPECT_TRUE(kept.parts_summed.empty());
}

/// A holder's name is there in each chunk that refers to it, as is that of its process.
TEST(ToldRecords, AreReadableChunkByChunk) {
    const Told told;
    test::RecordedFile file;
    file.writer().run(test::some_run());
    for (int i = 0; i < 100; ++i) {
        file.writer().amounts({std::chrono::seconds(i),
                               told.holder,
                               {{told.weights, Bytes(static_cast<std::uint64_t>(i))}}});
    }
    file.writer().end({.time = std::chrono::seconds(100)});
    KeptRecords kept;
    read_back(file, kept);
    ASSERT_EQ(kept.all_amounts.size(), 100U);
    EXPECT_EQ(kept.all_amounts[99].holder->device, "cuda:0");
    EXPECT_EQ(kept.all_amounts[99].holder->process->command, "python3 train.py");
}

TEST(ToldRecords, HugeNamesAreCutAndTheMostAmountsFit) {
    Told told;
    test::RecordedFile file;
    file.writer().run(test::some_run());
    RecordedAmounts amounts{milliseconds(1), told.holder, {}};
    for (std::uint64_t i = 1; i <= recorded_amounts_max + 10; ++i) {
        amounts.amounts.push_back({some_text(i, std::string(10'000, 'x')), 1_MiB});
    }
    file.writer().amounts(amounts);
    file.writer().end({.time = milliseconds(2)});
    EXPECT_EQ(file.writer().problem(), "");
    KeptRecords kept;
    read_back(file, kept);
    ASSERT_EQ(kept.all_amounts.size(), 1U);
    EXPECT_EQ(kept.all_amounts[0].amounts.size(), recorded_amounts_max);
    EXPECT_LE(kept.all_amounts[0].amounts[0].name->text.size(), 1024U);
}

TEST(ToldRecords, ThatBreakARuleAreRefused) {
    const auto begun = [] { return Records().run().process(1).text(1, "kv").holder(1, 1); };
    const auto event = RecordKind::event;  // time, kind, id, bytes, holder, purpose, label, stack
    EXPECT_TRUE(begun().numbers(event, {8, 0, 2, 100, 1, 1, 0, 0}).decodes());
    EXPECT_FALSE(begun().numbers(event, {8, 4, 2, 100, 1, 1, 0, 0}).decodes()) << "no such kind";
    EXPECT_FALSE(begun().numbers(event, {8, 0, 2, 100, 2, 1, 0, 0}).decodes()) << "no such holder";
    EXPECT_FALSE(begun().numbers(event, {8, 0, 2, 100, 1, 2, 0, 0}).decodes()) << "no such text";
    EXPECT_FALSE(begun().numbers(event, {8, 0, 2, 100, 1, 1, 0, 9}).decodes()) << "no such stack";
    EXPECT_FALSE(begun().numbers(event, {8, 0, 2, 1ULL << 60U, 1, 1, 0, 0}).decodes());
    EXPECT_FALSE(begun().numbers(event, {7, 0, 2, 100, 1, 1, 0, 0}).decodes()) << "before it all";
    EXPECT_FALSE(begun()
                     .numbers(event, {8, 0, 2, 100, 1, 1, 0, 0})
                     .numbers(event, {3, 0, 2, 100, 1, 1, 0, 0})
                     .decodes())
        << "back in time";
    EXPECT_FALSE(begun().numbers(event, {8, 0, 2, 100, 1, 1, 0}).decodes()) << "cut off";
    EXPECT_FALSE(begun().holder(1, 1).decodes()) << "another of that number in one chunk";
    EXPECT_FALSE(begun().holder(2, 9).decodes()) << "of a process that nobody told of";
    EXPECT_FALSE(begun().holder(recorded_holders_max + 1, 1).decodes());
    EXPECT_FALSE(begun().text(0, "none").decodes());
    EXPECT_FALSE(begun().numbers(RecordKind::amounts, {8, 1, 1, 0, 5}).decodes()) << "of no name";
    EXPECT_FALSE(begun().numbers(RecordKind::amounts, {8, 1, 999999, 1, 5}).decodes());
    EXPECT_FALSE(begun().numbers(RecordKind::label, {8, 0, 1, 5, 0}).decodes()) << "of no name";
    EXPECT_FALSE(begun().numbers(RecordKind::mark, {8, 2, 1}).decodes()) << "of nobody";
    const auto once = RecordKind::counted_once;  // time, resident, once, processes
    EXPECT_TRUE(begun().numbers(once, {8, 9, 5, 2}).numbers(once, {0, 9, 5, 2}).decodes());
    EXPECT_FALSE(begun().numbers(once, {8, 9, 5, 2}).numbers(once, {1, 9, 5, 2}).decodes());
    EXPECT_FALSE(begun().numbers(once, {8, 9, 1ULL << 60U, 2}).decodes());
    EXPECT_FALSE(begun().numbers(RecordKind::stack, {1, 65}).decodes()) << "too deep";
    EXPECT_FALSE(begun().numbers(RecordKind::stack, {1, 1, 7, 5}).decodes()) << "no such module";
}

TEST(ToldRecords, EventsBeyondTheirBoundAreSumsOfSites) {
    const Told told;
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().device(test::some_host());
    std::minstd_rand random(5);
    std::vector<RecordedEvent> alive;
    std::map<std::uint64_t, std::pair<Bytes, std::uint64_t>> expected;  // by purpose
    const std::array purposes{told.weights, told.kv};
    constexpr std::uint64_t n_events = 1'500'000;
    RecordedTime now{};
    for (std::uint64_t i = 0; i < n_events; ++i) {
        now += std::chrono::microseconds(10);
        if (alive.size() > 50) {
            std::swap(alive[random() % alive.size()], alive.back());
            RecordedEvent event = alive.back();
            alive.pop_back();
            event.kind = EventKind::released;
            event.time = now;
            file.writer().event(event);
            auto& [bytes, count] = expected[event.site.purpose->number];
            bytes -= event.bytes;
            --count;
        } else {
            const RecordedSite site{told.holder, purposes[random() % 2], nullptr, nullptr};
            alive.push_back({now, EventKind::taken, random(), Bytes(random()), site, {}});
            file.writer().event(alive.back());
            auto& [bytes, count] = expected[site.purpose->number];
            bytes += alive.back().bytes;
            ++count;
        }
        if (i % 10'000 == 0) {
            file.writer().row(test::host_row(std::chrono::duration_cast<milliseconds>(now),
                                             {{told.process, Bytes(4096)}}));
        }
    }
    file.writer().end({.time = now});
    EXPECT_LT(Bytes(file.writer().size()), 9_MiB);
    KeptRecords kept;
    read_back(file, kept);
    EXPECT_THAT(kept.parts_summed, ::testing::ElementsAre(SummedPart::events));
    EXPECT_LT(kept.events.size(), n_events);
    ASSERT_GE(kept.sites.size(), 4U) << "while it goes on, and at the end";
    std::map<std::uint64_t, std::pair<Bytes, std::uint64_t>> last;
    for (const RecordedSiteSum& sum : kept.sites) {
        last[sum.site.purpose->number] = {sum.bytes, sum.n_alive};
    }
    EXPECT_EQ(last, expected);
}

TEST(ToldRecords, LabelsBeyondTheirBoundAreCountedAndThoseOpenEnd) {
    const Told told;
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().label({{}, LabelEdge::begin, told.process, 8, told.weights});
    std::minstd_rand random(5);
    constexpr std::uint64_t n_steps = 800'000;
    RecordedTime now{};
    for (std::uint64_t i = 0; i < n_steps; ++i) {
        for (const LabelEdge edge : {LabelEdge::begin, LabelEdge::end}) {
            now += std::chrono::microseconds(random() % 1'000'000);
            file.writer().label({now, edge, told.process, 7, told.decode});
        }
    }
    file.writer().end({.time = now});
    KeptRecords kept;
    read_back(file, kept);
    EXPECT_LT(Bytes(file.writer().size()), 5_MiB);
    EXPECT_THAT(kept.parts_summed, ::testing::ElementsAre(SummedPart::labels));
    EXPECT_LT(kept.labels.size(), 2 * n_steps);
    EXPECT_EQ(kept.labels.size() % 2, 0U);
    EXPECT_EQ(kept.labels.back().name->text, "weights");
    EXPECT_EQ(kept.labels.back().edge, LabelEdge::end);
    EXPECT_LT(kept.labels.back().time, now) << "when it is told of no more";
    ASSERT_FALSE(kept.label_sums.empty());
    std::map<std::string, std::uint64_t> counts;
    for (const RecordedLabelSum& sum : kept.label_sums) {
        counts[sum.name->text] = sum.count;
    }
    EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{{"decode", n_steps}, {"weights", 1}}));
}

}  // namespace
}  // namespace hexcore
