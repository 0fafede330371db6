#include <gmock/gmock.h>

#include <algorithm>

#include "hexcore/model/merged_adapter.hpp"
#include "session/adapter_fixture.hpp"

// Keys and values that were computed under one set of adapters are never used under another.

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class AdapterKeysTest : public AdapterEnginesTest {
protected:
    /// Beginning with what others begin with, so that it is worth saving.
    static Request whole(Token last) {
        std::vector<Token> tokens;
        for (Token token = 0; token < 130; ++token) {
            tokens.push_back(token % 120);
        }
        tokens.push_back(last);
        Request asked = request(std::move(tokens));
        asked.kind = PromptKind::whole;
        asked.shared_tokens = 128;
        return asked;
    }
    /// The tokens of a new session's answer, and how many it did not compute.
    std::pair<std::vector<Token>, std::uint32_t> answered(const Set& adapters, Token last = 7) {
        Engine& engine = engine_for(adapters);
        Session session = engine.open().value();
        const auto answer = engine.answer(session, whole(last));
        EXPECT_TRUE(answer.has_value()) << answer.error().message;
        return {session.tokens(), answer->reused_tokens};
    }
    void start_with_room(std::size_t n_sets, std::size_t n_there) {
        write_model(n_sets);
        load_model(n_there);
        contexts_.emplace(*model_, EngineOptions{.parking = {.memory = 16_MiB,
                                                             .files = 16_MiB,
                                                             .folder = folder_.path() / "parked"}});
    }
};

TEST_F(AdapterKeysTest, ASavedBeginningIsUsedUnderItsOwnAdaptersAlone) {
    start_with_room(2, 2);
    const auto [first, none_reused] = answered(sets_[0]);
    EXPECT_EQ(none_reused, 0U);
    EXPECT_GT(engine_for(sets_[0]).reusable(whole(9)), 0U) << "or this test proves nothing";
    EXPECT_EQ(engine_for(sets_[1]).reusable(whole(9)), 0U);
    EXPECT_EQ(engine_for({}).reusable(whole(9)), 0U);
    const auto [other, other_reused] = answered(sets_[1]);
    EXPECT_EQ(other_reused, 0U);
    EXPECT_NE(other, first);
    const auto [again, again_reused] = answered(sets_[0]);
    EXPECT_GT(again_reused, 0U);
    EXPECT_EQ(again, first);
    end();
}

TEST_F(AdapterKeysTest, AContextThatTakesOtherAdaptersHasNothingOfTheFirst) {
    start_with_room(3, 1);
    std::vector<std::vector<Token>> first;
    for (const Set& set : sets_) {
        first.push_back(answered(set).first);
    }
    const auto with_half = [&](Set set) {
        set.front().scale = 0.5F;
        return set;
    };
    const auto half = answered(with_half(sets_[0]));
    EXPECT_EQ(half.second, 0U);
    for (std::size_t i = 0; i < sets_.size(); ++i) {
        const auto [tokens, reused] = answered(sets_[i]);
        EXPECT_EQ(reused, 0U) << i;
        EXPECT_EQ(tokens, first[i]) << i;
    }
    EXPECT_EQ(answered(with_half(sets_[0])), half);
    end();
    EXPECT_TRUE(!std::filesystem::exists(folder_.path() / "parked") ||
                std::ranges::none_of(
                    std::filesystem::recursive_directory_iterator(folder_.path() / "parked"),
                    [](const auto& entry) { return entry.is_regular_file(); }));
}

TEST_F(AdapterKeysTest, ASavedSessionIsComputedAgainUnderAnyOtherSet) {
    start_with_room(3, 2);
    const auto file = folder_.path() / "talk.session";
    const auto merged = [&](double weight) {
        return merged_adapters(std::span(sets_).first(2), std::vector{weight, 1 - weight}).value();
    };
    Set stronger = sets_[0];
    stronger.front().scale = 1.5F;
    Set both = sets_[0];
    both.push_back(sets_[1].front());
    const std::vector<Set> all{{}, sets_[0], sets_[1], stronger, both, merged(0.5), merged(0.25)};
    // What each says to a second question behind its own first one.
    const auto second = [&](Session& session, Engine& engine) {
        const auto answer = engine.answer(session, request({8, 1, 40}));
        EXPECT_TRUE(answer.has_value()) << answer.error().message;
        return std::pair(session.tokens(), session.stats().counts.tokens_computed);
    };
    for (const Set& saver : {sets_[0], merged(0.5)}) {
        std::vector<Token> tokens;
        {
            Engine& engine = engine_for(saver);
            Session session = engine.open().value();
            ASSERT_TRUE(engine.answer(session, whole(7)));
            ASSERT_TRUE(session.save_to(file, ""));
            tokens = session.tokens();
        }
        for (std::size_t i = 0; i < all.size(); ++i) {
            SCOPED_TRACE(i);
            Engine& engine = engine_for(all[i]);
            const bool is_same =
                std::ranges::equal(all[i], saver, {}, &ChosenAdapter::key, &ChosenAdapter::key);
            Session loaded = engine.open().value();
            const auto found = loaded.load_from(file);
            ASSERT_TRUE(found.has_value()) << found.error().message;
            EXPECT_EQ(loaded.tokens(), tokens);
            if (is_same) {
                EXPECT_EQ(found->problem, "");
                EXPECT_EQ(loaded.kept(), tokens.size() - 1);
            } else {
                EXPECT_THAT(found->problem, HasSubstr("under other adapters"));
                EXPECT_EQ(loaded.kept(), 0U);
            }
            const auto [with_file, computed] = second(loaded, engine);
            EXPECT_EQ(computed >= tokens.size(), !is_same) << computed;
            // A session that never was in a file, of the same tokens under these adapters.
            loaded.clear();
            std::vector<Token> all_tokens = tokens;
            all_tokens.insert(all_tokens.end(), {8, 1, 40});
            Request fresh = request(all_tokens);
            ASSERT_TRUE(engine.answer(loaded, std::move(fresh)));
            EXPECT_EQ(loaded.tokens(), with_file);
        }
    }
    end();
}

}  // namespace
}  // namespace hexcore::test
