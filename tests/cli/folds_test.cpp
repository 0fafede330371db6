#include "hexcore/cli/folds.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

class FoldsTest : public testing::Test {
protected:
    Folds folds;
    std::string text = "first\nsecond\nthird\n";
    std::wstring label = folds.label_of(text, L"first");

    /// Of a line with the label between "ab " and " cd", which an edit turned into `now`.
    [[nodiscard]] EditedLine mended(std::size_t cursor_before, EditedLine now) const {
        return folds.mended({L"ab " + label + L" cd", cursor_before}, now);
    }
    std::size_t begin = 3;
    std::size_t end = begin + label.size();
};

TEST_F(FoldsTest, ALabelTellsTheSizeAndTheBeginning) {
    EXPECT_EQ(label, L"[3 lines: first ...]");
    EXPECT_EQ(folds.label_of("one long line", L"one long line that goes on and on"),
              L"[13 bytes: one long line that goes  ...]");
}

TEST_F(FoldsTest, EachTextHasALabelOfItsOwn) {
    EXPECT_EQ(folds.label_of(text, L"first"), label);
    EXPECT_EQ(folds.label_of("first\n2\n3", L"first"), L"[3 lines: first ... 2]");
    EXPECT_EQ(folds.label_of("first\n2\n4", L"first"), L"[3 lines: first ... 3]");
}

TEST_F(FoldsTest, ALineIsTakenApartAtItsLabels) {
    const auto parts = folds.parts_of(L"[a] " + label + label + L" [3 lines: first");
    ASSERT_EQ(parts.size(), 4U);
    EXPECT_EQ(parts[0].folded, nullptr);
    ASSERT_NE(parts[1].folded, nullptr);
    EXPECT_EQ(*parts[1].folded, text);
    EXPECT_EQ(parts[2].folded, parts[1].folded);
    EXPECT_EQ(parts[3].folded, nullptr);
    EXPECT_EQ(parts[3].end, 4 + 2 * label.size() + 16);
}

TEST_F(FoldsTest, ALabelOfWhichAPartIsDeletedIsGone) {
    const EditedLine without{L"ab  cd", begin};
    // Its last character, its first one, a part in the middle.
    EXPECT_EQ(mended(end, {L"ab " + label.substr(0, label.size() - 1) + L" cd", end - 1}), without);
    EXPECT_EQ(mended(begin, {L"ab " + label.substr(1) + L" cd", begin}), without);
    EXPECT_EQ(mended(end, {L"ab " + label.substr(0, 4) + label.substr(9) + L" cd", begin + 4}),
              without);
    // More than the label, at either side.
    EXPECT_EQ(mended(end + 1, {L"ab " + label.substr(0, 5) + L"cd", begin + 5}),
              (EditedLine{L"ab cd", begin}));
    EXPECT_EQ(mended(2, {L"ab" + label.substr(7) + L" cd", 2}), (EditedLine{L"ab cd", 2}));
}

TEST_F(FoldsTest, OtherEditsStayAsTheyAre) {
    for (const EditedLine& now :
         {EditedLine{L"ab x" + label + L" cd", 4}, EditedLine{L"b " + label + L" cd", 0},
          EditedLine{L"ab  cd", 3}, EditedLine{L"ab " + label, end},
          EditedLine{L"ab " + label + label + L" cd", end}, EditedLine{L"", 0}}) {
        EXPECT_EQ(mended(3, now), now);
    }
}

TEST_F(FoldsTest, ABracketBesideALabelIsNoPartOfIt) {
    const EditedLine before{L"[" + label + L"]", 1};
    const EditedLine now{label + L"]", 0};
    EXPECT_EQ(folds.mended(before, now), now);
    const EditedLine shorter{L"[" + label, 1 + label.size()};
    EXPECT_EQ(folds.mended({L"[" + label + L"]", 2 + label.size()}, shorter), shorter);
}

TEST_F(FoldsTest, ACursorWithinALabelGoesToTheEndTowardsWhichItMoved) {
    const std::wstring line = L"ab " + label + L" cd";
    EXPECT_EQ(mended(end, {line, end - 1}).cursor, begin);
    EXPECT_EQ(mended(begin, {line, begin + 1}).cursor, end);
    EXPECT_EQ(mended(end, {line, begin}).cursor, begin);
    EXPECT_EQ(mended(line.size(), {line, end}).cursor, end);
}

}  // namespace
}  // namespace hexcore
