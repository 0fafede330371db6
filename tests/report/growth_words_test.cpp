#include "hexcore/report/growth_words.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/repeats_json.hpp"

namespace hexcore {
namespace {

constexpr double mib = 1 << 20;

RepeatFindings leaking_step() {
    Judgement leak{.verdict = Verdict::leak,
                   .bytes_per_repeat = 2.1 * mib,
                   .least_bytes = 2 * mib,
                   .most_bytes = 2.2 * mib,
                   .warm_up = 2,
                   .repeats = 309,
                   .known_after = 11};
    const Site site{"cuda:0", "kv cache", "decode", 3};
    RepeatsOnDevice gpu{"cuda:0", true, leak, {{{site, leak, 650 * mib}, nullptr}}};
    RepeatsOnDevice host{"host", false, {.why = "too few: 1 repeat"}, {}};
    return {.label = "step",
            .pid = 12,
            .command = "python3 train.py",
            .repeats = 312,
            .open = {},
            .devices = {gpu, host}};
}

TEST(GrowthWords, SayHowMuchARepeatAndOfWhat) {
    Growth growth;
    growth.verdict = Verdict::leak;
    growth.label = "step";
    growth.bytes_per_repeat = 2.1 * mib;
    EXPECT_EQ(growth_words(growth), "+2.1 MiB a step: leak");
    growth = {};
    EXPECT_EQ(growth_words(growth), "inconclusive");
    WatchFindings findings;
    findings.repeats = {leaking_step()};
    const auto sentences = repeat_sentences(findings);
    ASSERT_EQ(sentences.size(), 1U);
    EXPECT_EQ(sentences[0],
              "step came 312 times in pid 12: leak on cuda:0, +2.1 MiB each (exactly: kv cache of "
              "cuda:0 +2.1 MiB), known after 11; inconclusive on host (too few: 1 repeat).");
    findings.repeats[0].devices[0].exact = false;
    findings.repeats[0].devices[0].sites.clear();
    EXPECT_EQ(repeat_sentences(findings)[0].substr(0, 95),
              "step came 312 times in pid 12: leak on cuda:0, +2.1 MiB each (+2.0 MiB to +2.2 "
              "MiB, by samples)");
}

TEST(GrowthWords, NameTheFirstLabelsAndOfTheOthersWhatGrows) {
    WatchFindings findings;
    for (int i = 0; i < 9; ++i) {
        findings.repeats.emplace_back().label = "clean";
    }
    findings.repeats.push_back(leaking_step());
    EXPECT_EQ(repeat_sentences(findings).size(), 5U);
    EXPECT_EQ(repeat_sentences(findings)[4].substr(0, 4), "step");
}

TEST(GrowthWords, LetNoControlCharacterThrough) {
    WatchFindings findings;
    findings.repeats = {leaking_step()};
    findings.repeats[0].label = "a\x1b[2Jb\n";
    findings.repeats[0].devices[0].sites[0].judged.site.purpose = std::string(5000, '\x07');
    const std::string sentence = repeat_sentences(findings)[0];
    EXPECT_EQ(sentence.find_first_of("\x1b\x07\n"), std::string::npos);
    EXPECT_LT(sentence.size(), 400U);
}

TEST(RepeatsJson, HasWhatIsKnownOfEachDevice) {
    const auto repeats = repeats_json({leaking_step()});
    const auto& step = repeats.at(0);
    EXPECT_EQ(step.at("verdict"), "leak");
    EXPECT_EQ(step.at("devices").at(0).at("known_by"), "allocations");
    EXPECT_EQ(step.at("devices").at(0).at("bytes_per_repeat"), 2.1 * mib);
    EXPECT_EQ(step.at("devices").at(0).at("sites").at(0).at("purpose"), "kv cache");
    EXPECT_EQ(step.at("devices").at(0).at("sites").at(0).at("stack"), 3);
    EXPECT_EQ(step.at("devices").at(1).at("why"), "too few: 1 repeat");
}

}  // namespace
}  // namespace hexcore
