#include "hexcore/cli/sampling_flags.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace hexcore {
namespace {

/// All of them as numbers, which can be compared.
std::vector<double> values(const SamplingOptions& it) {
    return {static_cast<double>(it.repeat_last_n),
            it.repeat_penalty,
            it.frequency_penalty,
            it.presence_penalty,
            it.dry_multiplier,
            it.dry_base,
            static_cast<double>(it.dry_allowed_length),
            static_cast<double>(it.dry_last_n),
            it.top_n_sigma,
            static_cast<double>(it.top_k),
            it.typical_p,
            it.top_p,
            it.min_p,
            it.xtc_probability,
            it.xtc_threshold,
            it.temperature,
            it.dynatemp_range,
            it.dynatemp_exponent,
            static_cast<double>(it.seed),
            static_cast<double>(it.mirostat),
            it.mirostat_entropy,
            it.mirostat_rate};
}

SamplingOptions parsed(const std::string& words) {
    CLI::App app;
    SamplingOptions sampling;
    add_sampling(app, sampling);
    app.parse(words);
    return sampling;
}

TEST(SamplingFlags, EachOptionSetsWhatItIsNamedAfterAndNothingElse) {
    struct Case {
        const char* words;
        std::function<void(SamplingOptions&)> change;
    };
    using It = SamplingOptions;
    for (const auto& [words, change] : {
             Case{"--repeat-last-n 7", [](It& it) { it.repeat_last_n = 7; }},
             Case{"--repeat-penalty 1.5", [](It& it) { it.repeat_penalty = 1.5F; }},
             Case{"--frequency-penalty -1.5", [](It& it) { it.frequency_penalty = -1.5F; }},
             Case{"--presence-penalty 1.5", [](It& it) { it.presence_penalty = 1.5F; }},
             Case{"--dry-multiplier 1.5", [](It& it) { it.dry_multiplier = 1.5F; }},
             Case{"--dry-base 1.5", [](It& it) { it.dry_base = 1.5F; }},
             Case{"--dry-allowed-length 7", [](It& it) { it.dry_allowed_length = 7; }},
             Case{"--dry-penalty-last-n 7", [](It& it) { it.dry_last_n = 7; }},
             Case{"--top-nsigma 1.5", [](It& it) { it.top_n_sigma = 1.5F; }},
             Case{"--top-k 7", [](It& it) { it.top_k = 7; }},
             Case{"--typical 0.5", [](It& it) { it.typical_p = 0.5F; }},
             Case{"--top-p 0.5", [](It& it) { it.top_p = 0.5F; }},
             Case{"--min-p 0.5", [](It& it) { it.min_p = 0.5F; }},
             Case{"--xtc-probability 0.5", [](It& it) { it.xtc_probability = 0.5F; }},
             Case{"--xtc-threshold 0.5", [](It& it) { it.xtc_threshold = 0.5F; }},
             Case{"--temp 1.5", [](It& it) { it.temperature = 1.5F; }},
             Case{"--dynatemp-range 0.5", [](It& it) { it.dynatemp_range = 0.5F; }},
             Case{"--dynatemp-exp 0.5", [](It& it) { it.dynatemp_exponent = 0.5F; }},
             Case{"--seed 7", [](It& it) { it.seed = 7; }},
             Case{"-s -1", [](It& it) { it.seed = SamplingOptions{}.seed; }},
             Case{"--mirostat 2", [](It& it) { it.mirostat = 2; }},
             Case{"--mirostat-ent 1.5", [](It& it) { it.mirostat_entropy = 1.5F; }},
             Case{"--mirostat-lr 0.5", [](It& it) { it.mirostat_rate = 0.5F; }},
         }) {
        SamplingOptions expected;
        change(expected);
        EXPECT_EQ(values(parsed(words)), values(expected)) << words;
    }
}

TEST(SamplingFlags, MinusOneLooksBackOverEverything) {
    EXPECT_GE(parsed("--repeat-last-n -1").repeat_last_n, 1 << 30);
    EXPECT_GE(parsed("--dry-penalty-last-n -1").dry_last_n, 1 << 30);
}

TEST(SamplingFlags, WhatMakesNoSenseIsRefused) {
    for (const char* words :
         {"--temp -1", "--temp hot", "--temp nan", "--top-p 1.1", "--min-p -0.1", "--top-k -1",
          "--repeat-penalty 0", "--repeat-last-n -2", "--dry-base 0.5", "--mirostat 3",
          "--mirostat-lr 2", "--typical 2", "--xtc-probability -1", "--dynatemp-range -1"}) {
        EXPECT_THROW(parsed(words), CLI::ValidationError) << words;
    }
}

}  // namespace
}  // namespace hexcore
