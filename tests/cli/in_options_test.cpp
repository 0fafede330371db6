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
    EXPECT_EQ(in_options_told({{Change::measure_devices}}),
              "no; measure again with hexcore devices --measure, or delete the file");
    EXPECT_EQ(in_options_told({{.change = Change::set_parking_memory, .value = "3MiB"},
                               {.change = Change::set_parking_files, .value = "4MiB"}}),
              "no; --park-memory 3MiB or --park-files 4MiB");
    EXPECT_EQ(in_options_told({{Change::raise_parking_memory}}), "no; give --park-memory, too");
    EXPECT_EQ(in_options_told({{Change::set_cache_folder}}),
              "no; set HEXCORE_CACHE to a folder that can be written");
}

TEST(InOptions, WhatNoOptionIsForIsToldAsEverywhere) {
    EXPECT_EQ(in_options_told({{Change::raise_budget}, {Change::start_server}}),
              "no; raise the budget or start ggml-rpc-server on that machine");
}

}  // namespace
}  // namespace hexcore
