#include "hexcore/base/told.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(Told, AnErrorWithNothingToChangeIsItsMessage) {
    EXPECT_EQ(told({ErrorCode::negative, "they differ"}), "they differ");
}

TEST(Told, WhatMayHelpIsJoinedByOrAndWhatCameAfterFollows) {
    Error error{ErrorCode::does_not_fit,
                "2 bytes too few",
                {{Change::raise_budget, "host0"}, {Change::lower_context}, {Change::add_device}}};
    error.aftermath = ". Nothing is left";
    EXPECT_EQ(told(error),
              "2 bytes too few; give host0 a larger budget, lower the context or add a device. "
              "Nothing is left");
}

TEST(Told, WhatWasTriedIsSaidToHelp) {
    const Error error{.code = ErrorCode::does_not_fit,
                      .message = "2 bytes too few",
                      .remedies = {{Change::set_budget, "host0", "12MiB"},
                                   {.change = Change::set_context, .count = 256}},
                      .proven = true};
    EXPECT_EQ(told(error),
              "2 bytes too few; any one of these makes it fit: a budget of 12MiB for host0, 256 "
              "tokens of context");
}

TEST(Told, ASurfaceHasItsOwnWordsForSomeChangesAndTheRestAreTheSame) {
    const Wording wording = [](const Remedy& remedy) {
        return remedy.change == Change::set_context ? "-c {count}" : nullptr;
    };
    const Error error{ErrorCode::usage,
                      "no",
                      {{.change = Change::set_context, .count = 256}, {Change::get_file_again}}};
    EXPECT_EQ(told(error, wording), "no; -c 256 or get it again");
}

}  // namespace
}  // namespace hexcore
