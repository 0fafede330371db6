#include "hexcore/watch/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "hexcore/track/ring_writer.hpp"
#include "support/recordings.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using std::chrono::steady_clock;
using test::KeptRecords;
using ::testing::ElementsAre;

/// A listener, and programs that tell it something.
class ListenerTest : public ::testing::Test {
protected:
    ListenerTest()
        : listener_({.folder = folder_.path(),
                     .start = start_,
                     .find = [](std::uint32_t /*pid*/) { return nullptr; },
                     .add_unseen =
                         [this](std::uint32_t pid) {
                             ++processes_;
                             return std::make_shared<RecordedProcess>(
                                 RecordedProcess{processes_, pid, "child"});
                         }}) {}

    /// Runs the child to its end, and returns what it printed.
    std::string run(const std::string& story) {
        const std::string command = "HEXCORE_WATCH=" + folder_.path().string() + " " +
                                    std::string(HEXCORE_TELLING_CHILD) + " " + story;
        FILE* pipe = ::popen(command.c_str(), "r");
        std::string printed;
        for (int letter = std::fgetc(pipe); letter != EOF; letter = std::fgetc(pipe)) {
            printed += static_cast<char>(letter);
        }
        ::pclose(pipe);
        return printed;
    }
    [[nodiscard]] RecordedTime now() const {
        return std::chrono::duration_cast<RecordedTime>(steady_clock::now() - start_);
    }
    void finish() { listener_.finish(now(), kept_); }
    [[nodiscard]] std::vector<std::string> marks() const {
        std::vector<std::string> texts;
        for (const RecordedMark& mark : kept_.marks) {
            texts.push_back(mark.name->text);
        }
        return texts;
    }
    /// What labels did, as `begin NAME` and `end NAME`.
    [[nodiscard]] std::vector<std::string> labels() const {
        std::vector<std::string> lines;
        for (const RecordedLabel& label : kept_.labels) {
            lines.push_back((label.edge == LabelEdge::begin ? "begin " : "end ") +
                            label.name->text);
        }
        return lines;
    }

    test::TempFolder folder_;
    steady_clock::time_point start_ = steady_clock::now();
    std::uint64_t processes_ = 0;
    Listener listener_;
    KeptRecords kept_;
};

TEST_F(ListenerTest, HearsAllThatAProgramTells) {
    run("story");
    finish();
    EXPECT_THAT(marks(), ElementsAre("begun"));
    const std::vector<std::string> step{"begin step", "begin inner", "end inner", "end step"};
    std::vector<std::string> steps;
    for (int i = 0; i < 3; ++i) {
        steps.insert(steps.end(), step.begin(), step.end());
    }
    EXPECT_EQ(labels(), steps);
    ASSERT_EQ(kept_.events.size(), 9U);
    EXPECT_EQ(kept_.events[0].kind, EventKind::taken);
    EXPECT_EQ(kept_.events[0].bytes, 1_MiB);
    EXPECT_EQ(kept_.events[0].site.purpose->text, "buffers");
    EXPECT_EQ(kept_.events[0].site.label->text, "step");
    EXPECT_EQ(kept_.events[0].site.holder->device, "host");
    EXPECT_EQ(kept_.events[0].site.holder->total, 100_MiB);
    EXPECT_EQ(kept_.events[1].site.label->text, "inner");
    EXPECT_EQ(kept_.events[2].kind, EventKind::released);
    EXPECT_EQ(kept_.events[2].bytes, 5_MiB) << "of what is released the size is known";
    EXPECT_EQ(kept_.events[2].site.purpose->text, "scratch");
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "it ended, and was read";
}

TEST_F(ListenerTest, TellsWhatAHolderHadAtMostAndThatAnEndedOneHasNothing) {
    run("story");
    finish();
    std::map<std::string, Bytes> most;
    std::map<std::string, Bytes> last;
    for (const RecordedAmounts& amounts : kept_.all_amounts) {
        Bytes& largest = most[amounts.holder->device];
        largest = std::max(largest, amounts.total());
        last[amounts.holder->device] = amounts.total();
    }
    EXPECT_EQ(most["host"], 8_MiB) << "between two looks, and told all the same";
    EXPECT_EQ(most["cuda:0"], 9_MiB);
    EXPECT_EQ(last["host"], 0_B);
    EXPECT_EQ(last["cuda:0"], 0_B);
}

TEST_F(ListenerTest, TellsWhatEachRepeatLeftWhereOnlySumsAreKnown) {
    run("sums 4");
    finish();
    std::vector<Bytes> totals;
    for (const RecordedAmounts& amounts : kept_.all_amounts) {
        totals.push_back(amounts.total());
    }
    EXPECT_THAT(totals, ElementsAre(1_MiB, 2_MiB, 3_MiB, 4_MiB, Bytes()));
    ASSERT_EQ(kept_.labels.size(), 8U);
    for (std::size_t step = 0; step < 4; ++step) {
        EXPECT_EQ(kept_.all_amounts[step].time, kept_.labels[2 * step + 1].time)
            << "before the label ends";
    }
}

TEST_F(ListenerTest, LosesNothingOfAProgramThatIsKilled) {
    run("killed");
    finish();
    EXPECT_EQ(kept_.events.size(), 9U);
    EXPECT_TRUE(kept_.losses.empty());
}

TEST_F(ListenerTest, AForkedChildTellsForItself) {
    run("forked");
    finish();
    EXPECT_THAT(marks(), ::testing::UnorderedElementsAre("child", "after the fork"));
    std::set<std::uint32_t> pids;
    std::map<std::string, std::string> label_of;
    for (const RecordedMark& mark : kept_.marks) {
        pids.insert(mark.process->pid);
    }
    for (const RecordedEvent& event : kept_.events) {
        label_of[event.site.purpose->text] =
            event.site.label == nullptr ? "" : event.site.label->text;
    }
    EXPECT_EQ(pids.size(), 2U);
    EXPECT_EQ(label_of["after the fork"], "parent");
    EXPECT_EQ(label_of["child"], "") << "that began in another process";
}

/// A thread that waited for itself would be ended by a signal, and tell no more.
TEST_F(ListenerTest, AProgramMayTellAndForkWhereItsTellingTakesMemory) {
    run("from_new");
    finish();
    EXPECT_THAT(marks(), ElementsAre("after the fork", "the child ended well"));
    ASSERT_EQ(kept_.losses.size(), 1U);
    EXPECT_GT(kept_.losses[0].records, 0U);
}

TEST_F(ListenerTest, AProgramThatBecomesAnotherTellsForBoth) {
    run("executes");
    finish();
    EXPECT_THAT(marks(), ElementsAre("before", "begun"));
    EXPECT_EQ(kept_.events.size(), 9U);
}

TEST_F(ListenerTest, ThreadsHaveTheirOwnLabels) {
    run("threads 1000");
    finish();
    std::set<std::uint64_t> ids;
    for (const RecordedEvent& event : kept_.events) {
        ids.insert(event.id);
        ASSERT_NE(event.site.label, nullptr);
        EXPECT_EQ(event.site.label->text, event.site.purpose->text);
    }
    EXPECT_EQ(ids.size(), 4000U) << "none is lost, none told twice";
    std::map<std::string, int> edges;
    for (const std::string& line : labels()) {
        ++edges[line];
    }
    EXPECT_EQ(edges.size(), 8U);
}

TEST_F(ListenerTest, WhatNobodyHearsIsCountedAsLost) {
    const std::uint64_t n_events = 400'000;
    run("flood " + std::to_string(n_events / 2));
    finish();
    ASSERT_EQ(kept_.losses.size(), 1U);
    EXPECT_GT(kept_.losses[0].records, 0U);
    // One record opens the holder.
    EXPECT_GE(kept_.losses[0].records + kept_.events.size(), n_events - 1);
    EXPECT_LE(kept_.losses[0].records + kept_.events.size(), n_events + 1);
}

TEST_F(ListenerTest, HostileNamesAndSizesDoNoHarm) {
    run("hostile");
    finish();
    EXPECT_THAT(marks(), ::testing::Contains("survived"));
    for (const RecordedEvent& event : kept_.events) {
        EXPECT_LE(event.bytes, recorded_bytes_max);
        EXPECT_LE(event.site.purpose->text.size(), ring_text_bytes_max);
        EXPECT_EQ(event.site.purpose->text.find('\x1b'), std::string::npos);
    }
    std::map<std::string, int> open;
    for (const RecordedLabel& label : kept_.labels) {
        open[label.name->text] += label.edge == LabelEdge::begin ? 1 : -1;
        EXPECT_GE(open[label.name->text], 0);
    }
    for (const auto& [name, count] : open) {
        EXPECT_EQ(count, 0) << name << " ended with its process";
    }
}

TEST_F(ListenerTest, AProgramIsOneProcessWhoeverGetsItsPidLater) {
    ProcessRef found;
    Listener listener({.folder = folder_.path(),
                       .start = start_,
                       .find = [&found](std::uint32_t /*pid*/) { return found; },
                       .add_unseen = [](std::uint32_t /*pid*/) { return test::some_process(1); }});
    const auto writer = RingWriter::make(folder_.path().string(), 1U << 16U);
    const std::string_view text = "a";
    writer->put({.kind = RingKind::mark, .texts = {&text, 1}});
    listener.listen(now(), kept_);
    found = test::some_process(2);
    writer->put({.kind = RingKind::mark, .texts = {&text, 1}});
    listener.finish(now(), kept_);
    ASSERT_EQ(kept_.marks.size(), 2U);
    EXPECT_EQ(kept_.marks[1].process->number, 1U);
}

TEST_F(ListenerTest, AFileThatIsNoRingIsNoted) {
    std::ofstream(folder_.path() / "1-1.ring") << "no ring";
    finish();
    EXPECT_EQ(listener_.notes(), "What 1 programs told of themselves could not be read. ");
}

/// A ring that anybody wrote, with records that make no sense in any order.
TEST_F(ListenerTest, RecordsInAnyOrderDoNoHarm) {
    std::minstd_rand random(17);
    for (int round = 0; round < 50; ++round) {
        const auto writer = RingWriter::make(folder_.path().string(), 1U << 16U);
        for (int i = 0; i < 100; ++i) {
            const std::array<std::uint64_t, 4> numbers{random() % 5, random(), random() % 3, 1};
            const std::array<std::string_view, 2> texts{"a", "b"};
            writer->put({.kind = static_cast<RingKind>(random() % 14),
                         .detail = static_cast<std::uint8_t>(random() % 7),
                         .depth = static_cast<std::uint16_t>(random() % 4),
                         .thread = static_cast<std::uint32_t>(random() % 3),
                         .holder = static_cast<std::uint32_t>(random() % 4),
                         .time_ns = random(),
                         .numbers = std::span(numbers).first(random() % 5),
                         .texts = std::span(texts).first(random() % 3)});
        }
        listener_.listen(now(), kept_);
    }
    finish();
    EXPECT_GT(kept_.events.size(), 100U) << "some make sense";
    EXPECT_GT(kept_.marks.size(), 100U);
    RecordedTime latest{};
    for (const RecordedEvent& event : kept_.events) {
        EXPECT_GE(event.time, latest);
        latest = event.time;
    }
}

}  // namespace
}  // namespace hexcore
