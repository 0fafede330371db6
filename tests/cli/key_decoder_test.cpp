#include "hexcore/cli/key_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

namespace hexcore {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Key> taken(KeyDecoder& decoder) {
    std::vector<Key> keys;
    while (auto key = decoder.take()) {
        keys.push_back(*key);
    }
    return keys;
}

std::wstring codes(std::string_view sent) {
    KeyDecoder decoder;
    std::wstring result;
    for (const char byte : sent) {
        decoder.add(byte);
    }
    for (const Key& key : taken(decoder)) {
        result += key.code;
    }
    return result;
}

TEST(KeyDecoder, KeysThatSendSequencesAreTheEmacsKeysThatDoTheSame) {
    EXPECT_EQ(codes("\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F"), L"\x10\x0e\x06\x02\x01\x05");
    EXPECT_EQ(codes("\x1bOA\x1bOB\x1bOC\x1bOD\x1bOH\x1bOF"), L"\x10\x0e\x06\x02\x01\x05");
    EXPECT_EQ(codes("\x1b[1~\x1b[4~\x1b[7~\x1b[8~"), L"\x01\x05\x01\x05");
    EXPECT_EQ(codes("\x1b[3~"), std::wstring{key_delete});
    EXPECT_EQ(codes("\x1b[1;5D\x1b[1;5C"), (std::wstring{key_word_left, key_word_right}));
}

TEST(KeyDecoder, EnterWithAnotherKeyBeginsALine) {
    EXPECT_EQ(codes("\x1b\r\x1b\n\x1b[13;2u\x1b[27;2;13~"), std::wstring(4, key_new_line));
}

TEST(KeyDecoder, KeysThatMeanNothingLeaveNothingBehind) {
    // Page up, F5, F1 of the Linux console, focus, a mouse, a long sequence.
    EXPECT_EQ(codes("a\x1b[5~b\x1b[15~c\x1b[[Ad\x1b[Ie\x1b[<0;10;5Mf\x1b[1;2;3;4;5zg"), L"abcdefg");
}

TEST(KeyDecoder, OtherKeysBehindAnEscapeAreAltKeys) {
    EXPECT_EQ(codes("\x1b"
                    "b\x1b\x1b[D\x1b\x7f"),
              L"\x1b"
              L"b\x1b\x02\x1b\x7f");
}

TEST(KeyDecoder, AnEscapeBehindWhichNothingCameForAWhileBeginsNoSequence) {
    KeyDecoder decoder;
    decoder.pause();  // before it, which means nothing
    decoder.add('\x1b');
    decoder.pause();
    std::wstring typed;
    for (const char byte : std::string_view("On\x1bOD")) {
        decoder.add(byte);
    }
    while (const auto key = decoder.take()) {
        typed += key->code;
    }
    EXPECT_EQ(typed, L"\x1bOn\x02");
}

TEST(KeyDecoder, ASequenceThatIsCutOffByAControlKeyIsNone) { EXPECT_EQ(codes("\x1b[\rx"), L"\rx"); }

TEST(KeyDecoder, NobodyCanTypeTheCodesOfItsOwn) {
    EXPECT_EQ(codes("\xC2\x80\xC2\x90\xC2\xA0"), L"\uFFFD\uFFFD\u00A0");
}

TEST(KeyDecoder, TextIsUtf8InWhateverPiecesItComes) {
    KeyDecoder decoder;
    decoder.add('\xE4');
    EXPECT_THAT(taken(decoder), IsEmpty());
    decoder.add('\xB8');
    decoder.add('\x8A');
    ASSERT_EQ(taken(decoder).size(), 1U);
    EXPECT_EQ(codes("\xE4\xB8\x8A\xE4z"), L"\u4E0A\uFFFDz");
}

std::vector<std::string> pastes(std::string_view sent) {
    KeyDecoder decoder;
    for (const char byte : sent) {
        decoder.add(byte);
    }
    std::vector<std::string> texts;
    for (const Key& key : taken(decoder)) {
        texts.push_back(key.code == key_paste ? key.pasted : "no paste");
    }
    return texts;
}

TEST(KeyDecoder, APasteIsOneKeyWhateverIsInIt) {
    EXPECT_THAT(pastes("\x1b[200~a\rb\x03\x1b[A\x1b[201~\x1b[200~\x1b[201~"),
                ElementsAre("a\nb\x03\x1b[A", ""));
}

TEST(KeyDecoder, APasteHasOneLineEndForEachThatWasSent) {
    EXPECT_THAT(pastes("\x1b[200~a\rb\nc\r\nd\n\re\r\r\x1b[201~"),
                ElementsAre("a\nb\nc\nd\n\ne\n\n"));
}

TEST(KeyDecoder, APasteThatDoesNotEndCanBeEnded) {
    KeyDecoder decoder;
    EXPECT_FALSE(decoder.end_paste());
    for (const char byte : std::string_view("\x1b[200~so far\x1b[20")) {
        decoder.add(byte);
    }
    EXPECT_THAT(taken(decoder), IsEmpty());
    EXPECT_TRUE(decoder.end_paste());
    EXPECT_EQ(taken(decoder).at(0).pasted, "so far\x1b[20");
    decoder.add('x');
    EXPECT_EQ(taken(decoder).at(0).code, L'x');
}

}  // namespace
}  // namespace hexcore
