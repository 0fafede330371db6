#include "hexcore/cli/familiar_spelling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandSpec program() {
    CLI::App app("", "hexcore");
    CLI::App* run = app.add_subcommand("run");
    std::string prompt;
    bool plugin = false;
    run->add_option("-p,--prompt", prompt);
    run->add_flag("--plugin", plugin);
    return describe_program(app);
}

std::vector<std::string> respelled(const std::vector<std::string>& words) {
    const auto result = in_own_spelling(words, program());
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result.value_or(std::vector<std::string>{});
}

TEST(FamiliarSpelling, OptionsOfLlamaCppAreSpelledAsOurs) {
    EXPECT_THAT(respelled({"run", "-m", "a.gguf", "--ctx-size", "8192", "-ub=64"}),
                ElementsAre("run", "a.gguf", "--ctx", "8192", "--ubatch", "64"));
    EXPECT_THAT(respelled({"run", "--model=a.gguf", "--plugin", "--n-predict", "-1"}),
                ElementsAre("run", "a.gguf", "--plugin", "-n", "-1"));
}

TEST(FamiliarSpelling, ValuesAndWhatFollowsTwoDashesStayAsTheyAre) {
    EXPECT_THAT(respelled({"run", "-p", "-ngl", "--", "-m", "-ngl"}),
                ElementsAre("run", "-p", "-ngl", "--", "-m", "-ngl"));
    EXPECT_THAT(respelled({"run", "-m", "run", "-p"}), ElementsAre("run", "run", "-p"));
    EXPECT_THAT(respelled({"run", "-m"}), ElementsAre("run"));
}

TEST(FamiliarSpelling, TheWordHelpAsksForTheHelpOfWhatFollows) {
    EXPECT_THAT(respelled({"help"}), ElementsAre("--help"));
    EXPECT_THAT(respelled({"help", "run"}), ElementsAre("run", "--help"));
    EXPECT_THAT(respelled({"help", "walk"}), ElementsAre("walk"));
    EXPECT_THAT(respelled({"run", "help"}), ElementsAre("run", "help"));
}

TEST(FamiliarSpelling, OneWithoutACounterpartIsAnsweredWithWhatReplacesIt) {
    for (const char* word : {"-ngl", "-ngl=99", "--n-gpu-layers", "-ts", "-ot", "--n-cpu-moe"}) {
        const auto result = in_own_spelling({"run", "a.gguf", word, "99"}, program());
        ASSERT_FALSE(result.has_value()) << word;
        EXPECT_EQ(result.error().code, ErrorCode::usage);
        EXPECT_THAT(result.error().message, HasSubstr("--device"));
    }
    const auto type = in_own_spelling({"run", "-ctk", "q8_0"}, program());
    ASSERT_FALSE(type.has_value());
    EXPECT_THAT(type.error().message, HasSubstr("--kv-type"));
}

}  // namespace
}  // namespace hexcore
