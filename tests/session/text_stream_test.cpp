#include "hexcore/session/text_stream.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(TextStream, ShowsWholeCharacters) {
    TextStream stream({});
    EXPECT_EQ(stream.take("a\xF0\x9F"), "a");
    EXPECT_EQ(stream.take("\x98"), "");
    EXPECT_EQ(stream.take("\x80z"), "\xF0\x9F\x98\x80z");
}

TEST(TextStream, LeavesOutACharacterThatIsCutShort) {
    for (const char* cut : {"\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
        TextStream stream({"\nUser:"});
        EXPECT_EQ(stream.take(std::string("a") + cut), "a");
        EXPECT_EQ(stream.rest(), "");
        EXPECT_EQ(stream.take(std::string("b\n") + cut), "b\n");
        EXPECT_EQ(stream.rest(), "");
    }
}

TEST(TextStream, LeavesBytesThatAreNoCharacters) {
    TextStream stream({});
    EXPECT_EQ(stream.take("\xFF\x80\x80\x80"), "\xFF\x80\x80\x80");
    EXPECT_EQ(stream.take("\x80"), "\x80");
}

TEST(TextStream, HoldsBackWhatMayBecomeAStopText) {
    TextStream stream({"\nUser:", "END"});
    EXPECT_EQ(stream.take("hello\nUs"), "hello");
    EXPECT_EQ(stream.take("ual E"), "\nUsual ");
    EXPECT_EQ(stream.take("N"), "");
    EXPECT_FALSE(stream.stopped());
    EXPECT_EQ(stream.take("D and more"), "");
    EXPECT_TRUE(stream.stopped());
    EXPECT_EQ(stream.rest(), "");
}

TEST(TextStream, TheFirstStopTextCounts) {
    TextStream stream({"later", "x", ""});
    EXPECT_EQ(stream.take("a x later"), "a ");
    EXPECT_TRUE(stream.stopped());
}

TEST(TextStream, WhatWasNoStopTextAtTheEndIsShown) {
    TextStream stream({"STOP"});
    EXPECT_EQ(stream.take("do not STO"), "do not ");
    EXPECT_EQ(stream.rest(), "STO");
}

}  // namespace
}  // namespace hexcore
