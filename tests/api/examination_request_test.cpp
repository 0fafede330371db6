#include "hexcore/api/examination_request.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hexcore {
namespace {

ExaminationRequest round_trip(const ExaminationRequest& request) {
    const auto parsed = ExaminationRequest::parse(request.arguments());
    EXPECT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->has_value());
    return parsed->value();
}

void expect_same(const ExaminationRequest& one, const ExaminationRequest& other) {
    EXPECT_EQ(one.parent, other.parent);
    EXPECT_EQ(one.context.tokens, other.context.tokens);
    EXPECT_EQ(one.context.sequences, other.context.sequences);
    EXPECT_EQ(one.context.kv_type, other.context.kv_type);
    EXPECT_EQ(one.context.ubatch, other.context.ubatch);
    EXPECT_EQ(one.model, other.model);
}

const ExaminationRequest ordinary{.parent = 4711,
                                  .context = {.tokens = TokenCount(8192),
                                              .sequences = 3,
                                              .kv_type = KvType::q4_0,
                                              .ubatch = TokenCount(256)},
                                  .model = "/models/a model.gguf"};

TEST(ExaminationRequest, WhatIsAskedArrives) {
    expect_same(round_trip(ordinary), ordinary);
    constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
    const ExaminationRequest extreme{.parent = std::numeric_limits<pid_t>::max(),
                                     .context = {.tokens = TokenCount(largest),
                                                 .sequences = largest,
                                                 .kv_type = KvType::q8_0,
                                                 .ubatch = TokenCount(largest)},
                                     .model = "--examine \n \xff"};
    expect_same(round_trip(extreme), extreme);
}

TEST(ExaminationRequest, ArgumentsOfACommandAreNone) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{}, {"plan", "--examine"}, {"--help"}}) {
        const auto parsed = ExaminationRequest::parse(arguments);
        ASSERT_TRUE(parsed);
        EXPECT_FALSE(parsed->has_value());
    }
}

TEST(ExaminationRequest, AnythingElseBehindTheMarkIsWrongUsage) {
    const std::vector<std::string> good = ordinary.arguments();
    std::vector<std::vector<std::string>> wrong{{good[0]}, good, good};
    wrong[1].pop_back();
    wrong[2].emplace_back("more");
    for (std::size_t at = 1; at + 1 < good.size(); ++at) {
        for (const char* word : {"", "-1", "x", "4294967296"}) {
            wrong.push_back(good);
            wrong.back()[at] = word;
        }
    }
    for (const auto& arguments : wrong) {
        const auto parsed = ExaminationRequest::parse(arguments);
        ASSERT_FALSE(parsed) << fmt::format("{}", fmt::join(arguments, " "));
        EXPECT_EQ(parsed.error().code, ErrorCode::usage);
    }
}

}  // namespace
}  // namespace hexcore
