// What several prompts begin with, and who computes it.
#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using Tokens = std::vector<Token>;

class SharedBeginning : public EngineTest {
protected:
    static Request whole(const Tokens& beginning, std::uint32_t seed) {
        Request asked = request(20, seed, 12);
        asked.tokens.insert(asked.tokens.begin(), beginning.begin(), beginning.end());
        asked.kind = PromptKind::whole;
        return asked;
    }

    std::string alone(const Setting& setting, const Request& asked) {
        start(setting);
        Session session = open();
        return bits(answer(session, asked));
    }
};

TEST_F(SharedBeginning, IsCopiedFromASessionThatAnswersWithTheSameBits) {
    const Setting setting{.tokens_each = 1024,
                          .sequences = 3,
                          .options = {.equality = Equality::exact, .parking = {.memory = 64_MiB}}};
    const Tokens beginning = request(150, 1, 0).tokens;
    const std::string first_alone = alone(setting, whole(beginning, 2));
    const std::string second_alone = alone(setting, whole(beginning, 3));
    start(setting);
    Session first = open();
    Session second = open();
    std::string first_bits;
    Request asked = whole(beginning, 2);
    asked.on_end = [&](Result<Answer> end) { first_bits = bits(end.value()); };
    first.ask(std::move(asked));
    while (first.tokens().size() < 175) {
        ASSERT_TRUE(engine_->turn());
    }
    EXPECT_EQ(engine_->reusable(whole(beginning, 3)), 128U) << "whole pieces of 64";
    const Answer copied = answer(second, whole(beginning, 3));
    EXPECT_EQ(copied.reused_tokens, 128U);
    EXPECT_EQ(bits(copied), second_alone);
    while (engine_->turn()) {
    }
    EXPECT_EQ(first_bits, first_alone);
    EXPECT_EQ(engine_->stats().counts.tokens_reused, 128U);
}

TEST_F(SharedBeginning, IsCopiedToTheLastTokenWhereBitsMayDiffer) {
    start({.options = {.parking = {.memory = 64_MiB}}});
    Session first = open();
    Session second = open();
    const Request asked = whole(request(150, 1, 0).tokens, 2);
    const Answer one = answer(first, asked);
    const Answer same = answer(second, asked);
    EXPECT_EQ(same.reused_tokens, 169U) << "the last has to be computed";
    EXPECT_EQ(same.text, one.text);
}

TEST_F(SharedBeginning, IsComputedAgainWithoutRoomForACopy) {
    start({.options = {.parking = {.memory = 4_KiB}}});
    Session first = open();
    Session second = open();
    const Request asked = whole(request(150, 1, 0).tokens, 2);
    (void)answer(first, asked);
    EXPECT_EQ(engine_->reusable(asked), 0U);
    EXPECT_EQ(answer(second, asked).reused_tokens, 0U);
}

TEST_F(SharedBeginning, IsNotTakenFromASessionThatSlid) {
    start({.options = {.parking = {.memory = 64_MiB}}, .shift = KeyShift::planned});
    Session slid = open({.on_full = OnFull::slide, .keep = 100});
    Request asked = whole(request(180, 1, 0).tokens, 2);
    asked.max_tokens = 80;
    (void)answer(slid, asked);
    ASSERT_GT(slid.stats().counts.shifts, 0U);
    EXPECT_EQ(engine_->reusable(asked), 0U);
}

TEST_F(SharedBeginning, IsKnownByItsAdaptersToo) {
    start({});
    Parking parking(*model_,
                    {.memory = 1_MiB, .files = 1_MiB, .folder = folder_.path() / "parked"});
    const Tokens tokens{1, 2, 3};
    const auto put = [&](std::size_t bytes, AdapterSet adapters, ParkedKind kind) {
        EXPECT_TRUE(parking.make_room(Bytes(bytes)));
        return parking.put({tokens, std::vector<std::byte>(bytes), {}, std::move(adapters)}, kind);
    };
    (void)put(10, {}, ParkedKind::beginning);
    (void)put(20, {"a.gguf:0.5"}, ParkedKind::beginning);
    ASSERT_NE(parking.find(tokens, {}), nullptr);
    EXPECT_EQ(parking.find(tokens, {})->bytes.size(), 10U);
    EXPECT_EQ(parking.find(tokens, {"a.gguf:0.5"})->bytes.size(), 20U);
    EXPECT_EQ(parking.find(tokens, {"a.gguf:1"}), nullptr);
    EXPECT_FALSE(parking.has_beginning(tokens, {"b.gguf:0.5"}));
    // A file is of the adapters of its session as well, and tells them.
    const ParkedId parked = put(30, {"a.gguf:1"}, ParkedKind::session);
    ASSERT_TRUE(parking.make_room(1_MiB));
    ASSERT_EQ(parking.in_files(), 30_B);
    const auto taken = parking.take(parked);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->adapters, AdapterSet{"a.gguf:1"});
    EXPECT_EQ(taken->tokens, tokens);
}

}  // namespace
}  // namespace hexcore::test
