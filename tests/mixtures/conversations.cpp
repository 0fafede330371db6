#include "mixtures/conversations.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "hexcore/model/inventory.hpp"
#include "hexcore/session/engine.hpp"
#include "llama.h"

namespace hexcore::test {
namespace {

Request request_of(std::size_t n, std::uint32_t seed, std::uint32_t n_vocab) {
    Request request;
    for (std::size_t i = 0; i < n; ++i) {
        request.tokens.push_back(static_cast<Token>((i * 31 + seed * 17 + 5) % n_vocab));
    }
    request.max_tokens = 3;
    request.sampling.temperature = 0;
    request.chances = 2;
    return request;
}

/// The chances of an answer, to the bit.
std::string answer_of(Engine& engine, Session& session, Request request) {
    const auto answer = engine.answer(session, std::move(request));
    if (!answer) {
        return answer.error().message;
    }
    std::string bits;
    for (const GeneratedToken& token : answer->tokens) {
        for (const TokenChance& chance : token.chances->best) {
            bits += fmt::format("{} {:a} ", chance.token, chance.log_probability);
        }
    }
    return bits;
}

}  // namespace

void converse(LoadedModel& model) {
    const std::uint32_t n_vocab = model.inventory().n_vocab;
    Engine engine(model, {.equality = Equality::exact, .parking = {.memory = 64_MiB}});
    const auto first = [&] { return request_of(20, 1, n_vocab); };
    const auto second = [&] { return request_of(7, 2, n_vocab); };
    std::string expected_first;
    std::string expected;
    {
        Session alone = engine.open().value();
        expected_first = answer_of(engine, alone, first());
        expected = answer_of(engine, alone, second());
    }
    Session session = engine.open().value();
    EXPECT_EQ(answer_of(engine, session, first()), expected_first);
    for (std::uint32_t other = 3; other < 6; ++other) {
        Session guest = engine.open().value();
        Session second_guest = engine.open().value();
        (void)answer_of(engine, guest, request_of(9, other, n_vocab));
        (void)answer_of(engine, second_guest, request_of(9, other, n_vocab));
    }
    EXPECT_EQ(session.stats().session_tokens, 0U);
    EXPECT_EQ(answer_of(engine, session, second()), expected) << "after it made room";
    Request anew = first();
    anew.kind = PromptKind::whole;
    EXPECT_EQ(answer_of(engine, session, anew), expected_first) << "anew";
    auto sliding = engine.open({.on_full = OnFull::slide});
    ASSERT_EQ(sliding.has_value(), engine.abilities().slide) << engine.abilities().why;
    if (sliding) {
        Request full = request_of(250, 8, n_vocab);
        full.max_tokens = 12;
        const auto slid = engine.answer(*sliding, full);
        ASSERT_TRUE(slid.has_value()) << slid.error().message;
        EXPECT_EQ(slid->cache.counts.shifts, 1U);
    }
}

void expect_true_figures(LoadedModel& model) {
    Engine engine(model);
    if (!engine.tokenizer().check_continues_texts()) {
        return;
    }
    Session session = engine.open().value();
    std::uint64_t beside = 0;
    for (std::uint32_t turn = 0; turn < 30; ++turn) {
        SCOPED_TRACE(turn);
        Request request = request_of(1, turn, model.inventory().n_vocab);
        request.max_tokens = 1;
        const auto answer = engine.answer(session, std::move(request));
        ASSERT_TRUE(answer.has_value()) << answer.error().message;
        const CacheStats& stats = answer->cache;
        const std::uint64_t size = llama_state_seq_get_size(&model.context(), 0);  // the first
        ASSERT_EQ(stats.session_bytes, stats.used());
        ASSERT_GT(size, stats.used().count());
        const std::uint64_t now = size - stats.used().count();
        ASSERT_GE(now, beside);
        ASSERT_LE(now - beside, turn == 0 ? 20'000U : 2U * 4 * 24);
        beside = now;
        for (const DeviceCache& device : stats.devices) {
            ASSERT_LE(device.used, device.total) << device.name;
            ASSERT_LE(device.cells_used, device.cells_total) << device.name;
        }
    }
}

}  // namespace hexcore::test
