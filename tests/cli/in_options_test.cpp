#include "hexcore/cli/in_options.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

std::string in_options_told(std::vector<Remedy> remedies) {
    return told({ErrorCode::usage, "no", std::move(remedies)}, in_options);
}

TEST(InOptions, WhatToChangeIsNamedByItsOption) {
    EXPECT_EQ(in_options_told(
                  {{Change::raise_budget, "host0"}, {Change::lower_context}, {Change::add_device}}),
              "no; give host0 a larger --device budget, lower --ctx or add a --device");
    EXPECT_EQ(in_options_told({{.change = Change::raise_context, .count = 512}}),
              "no; raise --ctx to at least 512");
    EXPECT_EQ(in_options_told({{.change = Change::fewer_sequences, .value = "2", .count = 512}}),
              "no; --sequences 2 --ctx 512");
}

TEST(InOptions, WhatNoOptionIsForIsToldAsEverywhere) {
    EXPECT_EQ(in_options_told({{Change::raise_budget}, {Change::start_server}}),
              "no; raise the budget or start ggml-rpc-server on that machine");
}

}  // namespace
}  // namespace hexcore
