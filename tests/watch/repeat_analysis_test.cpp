#include "hexcore/watch/repeat_analysis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

/// A program that tells what it does, and is sampled, as a recording has it.
class Told {
public:
    explicit Told(std::set<std::string> asked = {}) : analysis(std::move(asked)) {
        analysis.device(test::some_host());
        analysis.device(test::some_gpu());
    }
    TextRef text(const std::string& name) {
        auto& text = texts_[name];
        if (text == nullptr) {
            text = std::make_shared<RecordedText>(RecordedText{texts_.size(), name});
        }
        return text;
    }
    HolderRef holder(const std::string& device) {
        auto& holder = holders_[device];
        if (holder == nullptr) {
            holder = std::make_shared<RecordedHolder>(
                RecordedHolder{holders_.size(), process, HolderKind::program, device, {}});
        }
        return holder;
    }
    void label(LabelEdge edge, const std::string& name, std::uint32_t thread = 1) {
        analysis.label({now, edge, process, thread, text(name)});
    }
    void begin(const std::string& name, std::uint32_t thread = 1) {
        label(LabelEdge::begin, name, thread);
    }
    void end(const std::string& name, std::uint32_t thread = 1) {
        now += milliseconds(10);
        label(LabelEdge::end, name, thread);
    }
    std::uint64_t take(Bytes bytes, const std::string& label, const std::string& purpose = "work",
                       const std::string& device = "host0") {
        const RecordedSite site{holder(device), text(purpose),
                                label.empty() ? nullptr : text(label), nullptr};
        analysis.event({now, EventKind::taken, ++id_, bytes, site, nullptr});
        taken_[id_] = {now, EventKind::released, id_, bytes, site, nullptr};
        return id_;
    }
    void give(std::uint64_t id) { analysis.event(taken_[id]); }
    void sample(Bytes bytes) {
        analysis.row(
            test::host_row(std::chrono::duration_cast<milliseconds>(now), {{process, bytes}}));
    }
    [[nodiscard]] RepeatFindings found(const std::string& label) const {
        for (RepeatFindings& found : analysis.findings()) {
            if (found.label == label) {
                return found;
            }
        }
        return {};
    }

    ProcessRef process = test::some_process(1, "train");
    RepeatAnalysis analysis;
    RecordedTime now{};

private:
    std::map<std::string, TextRef> texts_;
    std::map<std::string, HolderRef> holders_;
    std::map<std::uint64_t, RecordedEvent> taken_;
    std::uint64_t id_ = 0;
};

TEST(RepeatAnalysis, SaysWhichLabelLeaksAndOfWhat) {
    Told told;
    for (int i = 0; i < 12; ++i) {
        told.begin("train");
        told.give(told.take(8_MiB, "train", "scratch"));
        told.end("train");
        told.begin("decode");
        told.take(64_KiB, "decode", "kv cache");
        told.end("decode");
    }
    EXPECT_EQ(told.found("train").verdict(), Verdict::none);
    const RepeatFindings decode = told.found("decode");
    EXPECT_EQ(decode.verdict(), Verdict::leak);
    EXPECT_EQ(decode.repeats, 12U);
    ASSERT_EQ(decode.devices.size(), 1U);
    EXPECT_EQ(decode.devices[0].device, "host") << "which a budget is part of";
    EXPECT_TRUE(decode.devices[0].exact);
    EXPECT_EQ(decode.devices[0].judgement.bytes_per_repeat, 65536);
    ASSERT_EQ(decode.devices[0].sites.size(), 1U);
    EXPECT_EQ(decode.devices[0].sites[0].judged.site.purpose, "kv cache");
    EXPECT_EQ(decode.devices[0].sites[0].judged.site.device, "host0");
}

TEST(RepeatAnalysis, CountsWhatIsTakenInLabelsWithinALabelAndOnThreadsWithoutOne) {
    Told told;
    for (int i = 0; i < 12; ++i) {
        told.begin("step");
        told.begin("forward");
        told.take(4_KiB, "forward");
        told.end("forward");
        told.take(1_KiB, "");
        told.begin("loading", 2);
        told.take(1_MiB, "loading");
        told.end("loading", 2);
        told.end("step");
    }
    EXPECT_EQ(told.found("step").devices.at(0).judgement.bytes_per_repeat, 5 * 1024);
    EXPECT_EQ(told.found("forward").devices.at(0).judgement.bytes_per_repeat, 4096);
    EXPECT_EQ(told.found("loading").devices.at(0).judgement.bytes_per_repeat, 1048576);
}

TEST(RepeatAnalysis, AHolderMayTellSumsFirstAndAllocationsLater) {
    Told told;
    told.begin("step");
    const HolderRef holder = told.holder("host0");
    told.analysis.amounts({told.now, holder, {{told.text("other"), 1_MiB}}});
    told.analysis.amounts({told.now, holder, {{told.text("work"), 1_MiB}}});
    told.end("step");
    for (int i = 0; i < 12; ++i) {
        told.begin("step");
        told.take(4_KiB, "", "work");
        told.end("step");
    }
    const RepeatFindings step = told.found("step");
    ASSERT_EQ(step.devices.size(), 1U);
    EXPECT_EQ(step.devices[0].judgement.bytes_per_repeat, 4096);
}

TEST(RepeatAnalysis, LooksWhenNoThreadIsInTheLabel) {
    Told told;
    for (int i = 0; i < 12; ++i) {
        told.begin("request", 1);
        const std::uint64_t first = told.take(1_MiB, "request");
        told.begin("request", 2);
        const std::uint64_t second =
            told.take(3_MiB * static_cast<std::uint64_t>(i + 1), "request");
        told.give(first);
        told.end("request", 1);
        told.give(second);
        told.end("request", 2);
    }
    EXPECT_EQ(told.found("request").verdict(), Verdict::none);
    EXPECT_EQ(told.found("request").repeats, 12U);
}

TEST(RepeatAnalysis, GoesBySamplesWhereNothingIsTold) {
    Told told;
    for (std::uint64_t i = 0; i < 200; ++i) {
        told.begin("step");
        told.now += milliseconds(5);
        told.sample(900_MiB);
        told.end("step");
        told.now += milliseconds(1);
        told.sample(300_MiB + 64_KiB * i);
    }
    const RepeatFindings step = told.found("step");
    ASSERT_EQ(step.devices.size(), 1U);
    EXPECT_FALSE(step.devices[0].exact);
    EXPECT_EQ(step.devices[0].judgement.verdict, Verdict::leak);
    EXPECT_NEAR(step.devices[0].judgement.bytes_per_repeat, 65536, 1);
    EXPECT_LT(step.devices[0].judgement.known_after, 60U);
}

TEST(RepeatAnalysis, LeavesOpenWhichOfTwoLabelsItIsWhereOnlySamplesCouldTell) {
    Told told;
    for (std::uint64_t i = 0; i < 200; ++i) {
        for (const char* label : {"a", "b"}) {
            told.begin(label);
            told.begin("inner");
            told.end("inner");
            told.end(label);
            told.sample(300_MiB + 64_KiB * i);
        }
    }
    EXPECT_EQ(told.found("a").verdict(), Verdict::inconclusive);
    EXPECT_THAT(told.found("a").devices.at(0).judgement.why,
                ::testing::HasSubstr("cannot tell this label from others"));
    EXPECT_EQ(told.found("inner").verdict(), Verdict::inconclusive);
}

TEST(RepeatAnalysis, CallsItTheDriversWhereTheDeviceGrowsAndWhatIsToldOfItDoesNot) {
    Told told;
    for (std::uint64_t i = 0; i < 100; ++i) {
        told.begin("step");
        told.give(told.take(8_MiB, "step", "scratch", "cuda:0"));
        told.end("step");
        told.now += milliseconds(1);
        RecordedRow row = test::host_row(std::chrono::duration_cast<milliseconds>(told.now),
                                         {{told.process, 1_GiB + 1_MiB * i}});
        row.device = test::some_gpu().number;
        told.analysis.row(row);
    }
    EXPECT_EQ(told.found("step").verdict(), Verdict::driver);
}

TEST(RepeatAnalysis, GoesByAmountsAtEndsThatAreFarEnoughApart) {
    Told told;
    RecordedAmounts amounts{{}, told.holder("cuda:0"), {{told.text("allocated"), 500_MiB}}};
    for (int i = 0; i < 100; ++i) {
        told.begin("step");
        told.end("step");  // 10 ms later
        amounts.amounts[0].bytes += 2_MiB;
        told.analysis.amounts(amounts);
    }
    const RepeatFindings step = told.found("step");
    EXPECT_EQ(step.verdict(), Verdict::leak);
    EXPECT_TRUE(step.devices.at(0).exact);
    EXPECT_NEAR(step.devices.at(0).judgement.bytes_per_repeat, 2 << 20, 1 << 16);
    Told fast;
    for (int i = 0; i < 100; ++i) {
        fast.begin("step");
        fast.analysis.amounts(amounts);
        fast.analysis.label({fast.now, LabelEdge::end, fast.process, 1, fast.text("step")});
    }
    EXPECT_EQ(fast.found("step").verdict(), Verdict::inconclusive) << "nobody looked";
}

TEST(RepeatAnalysis, DoesNotTrustWhatHasGaps) {
    Told told;
    for (int i = 0; i < 12; ++i) {
        told.begin("step");
        told.take(4_KiB, "step");
        told.end("step");
    }
    told.analysis.lost({told.now, told.process, 5});
    EXPECT_EQ(told.found("step").verdict(), Verdict::inconclusive);
}

TEST(RepeatAnalysis, KeepsLabelsThatRepeatAndThoseAskedFor) {
    Told told({"once"});
    told.begin("once");
    told.end("once");
    for (int i = 0; i < 1000; ++i) {
        told.begin("step");
        told.begin("decode " + std::to_string(i));
        told.end("decode " + std::to_string(i));
        told.end("step");
    }
    told.end("never begun");
    EXPECT_EQ(told.analysis.findings().size(), 2U);
    EXPECT_EQ(told.found("step").repeats, 1000U);
    EXPECT_EQ(told.found("once").repeats, 1U);
    EXPECT_EQ(told.found("once").verdict(), Verdict::inconclusive);
}

TEST(RepeatAnalysis, MakesRoomForALabelThatIsAskedForAmongMany) {
    Told told({"step"});
    for (int label = 0; label < 40; ++label) {
        for (int i = 0; i < 2; ++i) {
            told.begin("phase " + std::to_string(label));
            told.end("phase " + std::to_string(label));
        }
    }
    for (int i = 0; i < 12; ++i) {
        told.begin("step");
        told.take(4_KiB, "step");
        told.end("step");
    }
    EXPECT_EQ(told.found("step").verdict(), Verdict::leak);
    EXPECT_EQ(told.found("phase 30").repeats, 2U) << "another one went";
}

TEST(RepeatAnalysis, MakesRoomWhereAProcessHasEnded) {
    Told told;
    const auto work = [&](std::uint64_t process) {
        told.process = test::some_process(process);
        for (int i = 0; i < 2; ++i) {
            told.begin("work");
            told.end("work");
        }
        told.now += milliseconds(10);
    };
    for (std::uint64_t process = 1; process <= 32; ++process) {
        work(process);
    }
    work(33);
    const auto has_followed = [&](std::uint64_t process) {
        const auto all = told.analysis.findings();
        return std::any_of(all.begin(), all.end(), [&](const RepeatFindings& found) {
            return found.pid == test::some_process(process)->pid;
        });
    };
    EXPECT_FALSE(has_followed(33)) << "each of the others may go on";
    told.process = test::some_process(7);
    told.sample(1_MiB);
    work(34);
    EXPECT_TRUE(has_followed(34));
    EXPECT_TRUE(has_followed(7));
    EXPECT_FALSE(has_followed(1)) << "it ended before the others";
}

TEST(RepeatAnalysis, FollowsLabelsAsDeepAsAnybodyWouldNestThem) {
    Told told;
    constexpr int many = 20'000;
    for (int repeat = 0; repeat < 3; ++repeat) {
        told.begin("outer");
        for (int i = 0; i < many; ++i) {
            told.begin("deep");
        }
        for (int i = 0; i < many; ++i) {
            told.end("deep");
        }
        told.end("outer");
    }
    EXPECT_EQ(told.found("outer").repeats, 3U) << "each has its own end";
}

}  // namespace
}  // namespace hexcore
