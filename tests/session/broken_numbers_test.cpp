// NaN: whoever gets one is told, and nobody computes with it again.
#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class BrokenNumbers : public EngineTest, public ::testing::WithParamInterface<const char*> {
protected:
    static constexpr Token broken = 7;

    /// A model that yields NaN from that token on.
    void start_broken(const Setting& setting) {
        if (*GetParam() == '\0') {
            write({.n_embd = 256});
        } else {
            write_kind(GetParam());
        }
        const auto embedding =
            std::ranges::find(inventory_.tensors, "token_embd.weight", &TensorInfo::name);
        const std::size_t row = embedding->bytes.count() / inventory_.n_vocab;
        const std::string all_ones(row, '\xff');  // NaN in each of the types with a fraction
        std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(embedding->offset_bytes + broken * row));
        file.write(all_ones.data(), static_cast<std::streamsize>(row));
        file.close();
        read();
        start(setting);
    }

    /// A prompt with the broken token at that place, or nowhere.
    static Request prompt(std::size_t count, std::uint32_t seed, std::optional<std::size_t> at) {
        Request asked = request(count, seed, 4);
        for (Token& token : asked.tokens) {
            token = token % 100 == broken ? 0 : token % 100;
        }
        if (at) {
            asked.tokens[*at] = broken;
        }
        // Nor is it to be generated.
        asked.biases = {{broken, -std::numeric_limits<float>::infinity()}};
        return asked;
    }

    void expect_told(Session& session, Request asked) {
        const auto end = engine_->answer(session, std::move(asked));
        ASSERT_FALSE(end.has_value());
        EXPECT_EQ(end.error().code, ErrorCode::negative);
        EXPECT_THAT(end.error().message, HasSubstr("NaN"));
        EXPECT_EQ(session.stats().session_tokens, 0U);
    }
};

TEST_P(BrokenNumbers, ASessionThatGotOneComputesAnewAndRightAndSoDoWhoeverHasItsPlaceNext) {
    start_broken({.sequences = 1, .options = {.equality = Equality::exact}});
    std::string expected;
    std::string other_expected;
    {
        Session undisturbed = open();
        (void)answer(undisturbed, prompt(30, 1, {}));
        expected = bits(answer(undisturbed, prompt(10, 2, {})));
        undisturbed.clear();
        other_expected = bits(answer(undisturbed, prompt(50, 4, {})));
    }
    Session session = open();
    (void)answer(session, prompt(30, 1, {}));
    const std::vector<Token> before = session.tokens();
    expect_told(session, prompt(90, 3, 5));
    EXPECT_EQ(session.tokens(), before);
    EXPECT_EQ(bits(answer(session, prompt(10, 2, {}))), expected);
    expect_told(session, prompt(90, 3, 5));
    Session other = open();
    EXPECT_EQ(bits(answer(other, prompt(50, 4, {}))), other_expected);
}

TEST_P(BrokenNumbers, OneThatWasCancelledBeforeItWasToldHarmsNobody) {
    start_broken({.sequences = 1, .ubatch = 16, .options = {.equality = Equality::exact}});
    std::string expected;
    {
        Session undisturbed = open();
        expected = bits(answer(undisturbed, prompt(50, 4, {})));
    }
    Session cancelled = open();
    cancelled.ask(prompt(90, 3, 5));
    ASSERT_TRUE(engine_->turn());
    cancelled.cancel();
    ASSERT_FALSE(engine_->turn());
    Session other = open();
    EXPECT_EQ(bits(answer(other, prompt(50, 4, {}))), expected);
}

TEST_P(BrokenNumbers, ABeginningWithOneIsSavedForNobody) {
    start_broken(
        {.sequences = 1, .options = {.equality = Equality::exact, .parking = {.memory = 4_MiB}}});
    Request asked = prompt(90, 1, 5);
    asked.kind = PromptKind::whole;
    asked.shared_tokens = 70;
    Session session = open();
    expect_told(session, asked);
    EXPECT_EQ(engine_->stats().parked_memory, 0_B);
    Session next = open();
    expect_told(next, asked);
    EXPECT_EQ(next.stats().counts.tokens_reused, 0U);
}

INSTANTIATE_TEST_SUITE_P(Of, BrokenNumbers,
                         ::testing::Values("", "gpt-oss", "granitehybrid", "mamba"));

}  // namespace
}  // namespace hexcore::test
