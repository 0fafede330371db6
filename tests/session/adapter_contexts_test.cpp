#include "hexcore/session/adapter_contexts.hpp"

#include <gmock/gmock.h>
#include <malloc.h>

#include "hexcore/device/own_memory.hpp"
#include "hexcore/model/merged_adapter.hpp"
#include "session/adapter_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class AdapterContextsTest : public AdapterEnginesTest {};

TEST_F(AdapterContextsTest, SwitchingDoesNotGrowAndEachSetSaysTheSameEachTime) {
    // One heap for all threads: with one for each, which pages stay in which is chance.
    ::mallopt(M_ARENA_MAX, 1);
    start(3);
    std::vector<std::vector<Token>> first;
    for (const auto& set : sets_) {
        first.push_back(said(set));
    }
    EXPECT_NE(first[0], first[1]);
    EXPECT_NE(first[1], first[2]);
    const std::vector<Usage> before = accounted();
    // Two contexts and three sets in turn: each time another leaves.
    const auto switch_all = [&](int times) {
        for (int i = 0; i < times; ++i) {
            for (const Set& set : sets_) {
                (void)engine_for(set);
            }
        }
    };
    switch_all(10);
    give_back_free_pages();
    const Bytes resident = own_memory().value();
    const std::uint64_t switches = contexts_->switches();
    switch_all(50);
    EXPECT_EQ(contexts_->switches(), switches + 150);
    EXPECT_EQ(accounted(), before);
    give_back_free_pages();
    if (!sanitized) {
        EXPECT_LT(own_memory().value(), resident + 2_MiB);
    }
    for (std::size_t set = 0; set < sets_.size(); ++set) {
        EXPECT_EQ(said(sets_[set]), first[set]) << set;
    }
    end();
}

TEST_F(AdapterContextsTest, WhoHasASessionStaysAndASetThatIsThereIsNotLoadedAgain) {
    start(2);
    Engine& none = engine_for({});
    Engine& one = engine_for(sets_[0]);
    EXPECT_NE(&none, &one);
    EXPECT_EQ(contexts_->switches(), 0U);
    EXPECT_EQ(contexts_->engines(), (std::vector{&none, &one}));
    {
        const auto first = none.open().value();
        const auto second = one.open().value();
        const auto refused = contexts_->engine_for(sets_[1]);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
        EXPECT_THAT(refused.error().message, HasSubstr("2 contexts have sessions"));
        EXPECT_EQ(&engine_for(sets_[0]), &one);
    }
    (void)engine_for(sets_[1]);  // in place of the other, though none's was used before it
    EXPECT_EQ(contexts_->switches(), 1U);
    EXPECT_EQ(&engine_for({}), &none);
    EXPECT_EQ(contexts_->n_resident(), 1U);
    end();
}

TEST_F(AdapterContextsTest, WhatDoesNotFitLeavesNothingOfItselfAndTheOthersAsTheyWere) {
    write_model(1);
    load_model(1, 4_MiB);
    contexts_.emplace(*model_);
    const auto said_before = said(sets_[0]);
    add_set(8192, "attn_q");
    const auto refused = contexts_->engine_for(sets_[1]);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(adapter_problem(refused.error()), AdapterProblem::too_big);
    EXPECT_EQ(said(sets_[0]), said_before);
    EXPECT_EQ(said({}), said({}));
    end();
}

TEST_F(AdapterContextsTest, SoManyAreThereAsMayBeAndTheLeastRecentlyUsedLeavesNothing) {
    start(3, 3, {.resident = {.sets = 2}});
    EXPECT_EQ(contexts_->n_resident(), 3U);  // as they were loaded
    const Bytes each = sets_[0].front().file.bytes();
    for (const Set& set : sets_) {
        (void)said(set);
    }
    Engine& second = engine_for(sets_[1]);
    Engine& third = engine_for(sets_[2]);
    EXPECT_EQ(contexts_->switches(), 0U);
    add_set();
    const Bytes before = adapters_accounted();
    (void)said(sets_[3]);
    EXPECT_EQ(contexts_->n_resident(), 2U);
    EXPECT_EQ(contexts_->resident_bytes(), each + each);
    EXPECT_LT(adapters_accounted(), before);
    EXPECT_EQ(&engine_for(sets_[2]), &third) << "used after the other two";
    EXPECT_NE(contexts_->engines().front(), &second);
    for (const Set& set : sets_) {
        (void)said(set);
        EXPECT_EQ(contexts_->n_resident(), 2U);
    }
    end();
}

TEST_F(AdapterContextsTest, SoManyBytesAreThereAsMayBe) {
    write_model(2);
    const Bytes each = sets_[0].front().file.bytes();
    load_model(2);
    contexts_.emplace(*model_, EngineOptions(),
                      AdapterTurns{.resident = {.bytes = each + each - 1_B}});
    add_set();
    (void)said(sets_[2]);
    EXPECT_EQ(contexts_->n_resident(), 1U);
    EXPECT_EQ(contexts_->resident_bytes(), each);
    // The same adapter with another scale takes nothing more.
    Set weaker = sets_[2];
    weaker.front().scale = 0.5F;
    (void)said(weaker);
    EXPECT_EQ(contexts_->n_resident(), 2U);
    EXPECT_EQ(contexts_->resident_bytes(), each);
    {
        const auto stays = engine_for(weaker).open().value();
        const auto stays_too = engine_for(sets_[2]).open().value();
        const auto refused = contexts_->engine_for(sets_[0]);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
    }
    add_set(64);
    const auto refused = contexts_->engine_for(sets_[3]);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(adapter_problem(refused.error()), AdapterProblem::too_big);
    end();
}

TEST_F(AdapterContextsTest, WhatFitsOnlyWithoutOthersMakesThemLeave) {
    write_model(1);
    add_set(512, "attn_q");
    load_model(2);
    Bytes largest;
    for (const Usage& usage : accounted()) {
        largest = std::max(largest, usage.total());
    }
    model_.reset();
    load_model(2, largest + 64_KiB);
    contexts_.emplace(*model_);
    add_set(512, "attn_q");
    (void)said({});
    (void)said(sets_[0]);
    (void)said(sets_[1]);
    (void)said({});
    const auto large = said(sets_[2]);  // in place of the first, and then the second has to go, too
    EXPECT_EQ(contexts_->n_resident(), 1U);
    EXPECT_EQ(contexts_->resident_bytes(), sets_[2].front().file.bytes());
    EXPECT_EQ(said(sets_[2]), large);
    end();
}

TEST_F(AdapterContextsTest, IdleSessionsAreClosedByWhoeverHasThem) {
    std::optional<Session> idle;
    const Engine* pool = nullptr;
    start(2, 1, {.vacate = [&](const Engine& engine) {
              if (&engine != pool) {
                  return false;
              }
              idle.reset();
              return true;
          }});
    Engine& first = engine_for(sets_[0]);
    idle.emplace(first.open().value());
    std::optional<Session> in_use(engine_for({}).open().value());
    EXPECT_FALSE(contexts_->engine_for(sets_[1]));
    pool = &first;
    idle->ask(request());
    EXPECT_FALSE(contexts_->engine_for(sets_[1])) << "it answers";
    ASSERT_TRUE(idle.has_value());
    while (first.turn()) {
    }
    EXPECT_TRUE(contexts_->engine_for(sets_[1]));
    EXPECT_FALSE(idle.has_value());
    in_use.reset();
    end();
}

TEST_F(AdapterContextsTest, AMergeTakesTheRoomOfAnotherMerge) {
    write_model(2);
    const auto merged = [&](double weight) {
        return merged_adapters(sets_, std::vector{weight, 1 - weight}).value();
    };
    sets_.push_back(merged(0.5));
    load_model(3);
    contexts_.emplace(*model_);
    sets_.pop_back();
    const auto one = said(sets_[0]);
    const auto half = said(merged(0.5));
    EXPECT_EQ(contexts_->switches(), 0U);
    const std::vector<Usage> before = accounted();
    for (const double weight : {0.25, 0.75, 0.125}) {
        (void)said(merged(weight));
    }
    EXPECT_EQ(contexts_->switches(), 3U);
    EXPECT_EQ(accounted(), before);
    EXPECT_EQ(said(sets_[0]), one);
    EXPECT_EQ(said(merged(1)), one);
    EXPECT_EQ(contexts_->switches(), 3U) << "what is there stays";
    EXPECT_EQ(said(merged(0.5)), half);
    end();
}

TEST_F(AdapterContextsTest, SaysWhatCanBeThereTogetherAndWhatCanNow) {
    start(3, 2, {.first_stays = true});
    using Sets = std::vector<Set>;
    EXPECT_TRUE(contexts_->fit_together(Sets{sets_[0], sets_[2], {}, sets_[0]}));
    EXPECT_FALSE(contexts_->fit_together(sets_));
    Engine& base = engine_for({});
    Engine& first = engine_for(sets_[0]);
    (void)engine_for(sets_[1]);
    {
        const auto session = first.open().value();
        EXPECT_TRUE(contexts_->fit_together(Sets{sets_[1], sets_[2]}));
        EXPECT_FALSE(contexts_->prepare(Sets{sets_[1], sets_[2]}));
        EXPECT_TRUE(contexts_->prepare(Sets{sets_[2], {}}));
        (void)engine_for(sets_[2]);  // in the second's place: the first has the session
        EXPECT_EQ(&engine_for(sets_[0]), &first);
        const auto other = engine_for(sets_[2]).open().value();
        EXPECT_FALSE(contexts_->prepare(Sets{sets_[1]}));
        EXPECT_FALSE(contexts_->engine_for(sets_[1]));
        EXPECT_EQ(&engine_for({}), &base) << "it stays";
    }
    // Who is there and wanted does not leave for another who is.
    (void)engine_for(sets_[2]);
    EXPECT_TRUE(contexts_->prepare(Sets{sets_[1], sets_[0]}));
    (void)engine_for(sets_[1]);
    EXPECT_EQ(&engine_for(sets_[0]), &first);
    add_set(64);
    EXPECT_FALSE(contexts_->fit_together(Sets{sets_[3]}));
    EXPECT_FALSE(contexts_->engine_for(sets_[3]));
    end();
}

TEST_F(AdapterContextsTest, WhatMayBeParkedIsDividedAmongTheContexts) {
    start(1);
    contexts_.emplace(*model_, EngineOptions{.parking = {.memory = 9_MiB}});
    EXPECT_EQ(engine_for({}).stats().parking.memory, Bytes(4'718'592));
    EXPECT_EQ(engine_for(sets_[0]).stats().parking.memory, Bytes(4'718'592));
    end();
}

}  // namespace
}  // namespace hexcore::test
