#include "hexcore/cage/kept_output.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(KeptOutput, KeepsAllThatFits) {
    KeptOutput output(4);
    output.take("ab");
    output.take("cdef");
    output.take("gh");
    EXPECT_EQ(output.head(), "abcd");
    EXPECT_EQ(output.tail(), "efgh");
    EXPECT_EQ(output.bytes(), 8U);
}

TEST(KeptOutput, KeepsTheStartAndTheEndOfWhatDoesNot) {
    const std::string all = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (std::size_t piece = 1; piece <= all.size(); ++piece) {
        KeptOutput output(5);
        for (std::size_t at = 0; at < all.size(); at += piece) {
            output.take(std::string_view(all).substr(at, piece));
        }
        EXPECT_EQ(output.head(), "01234") << piece;
        EXPECT_EQ(output.tail(), "vwxyz") << piece;
        EXPECT_EQ(output.bytes(), all.size()) << piece;
    }
}

TEST(KeptOutput, HasNoTailUntilTheHeadIsFull) {
    KeptOutput output(8);
    output.take("12345678");
    EXPECT_EQ(output.tail(), "");
    output.take("9");
    EXPECT_EQ(output.tail(), "9");
}

}  // namespace
}  // namespace hexcore
