#include "hexcore/session/adapter_contexts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <list>

#include "hexcore/session/engine_thread.hpp"
#include "runtime/loaded_model.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

class AdapterContextsTest : public LoadedModelTest {
protected:
    /// A model with two contexts: without adapters, and with the first of `n_sets`.
    void start(std::size_t n_sets, Bytes budget = 64_MiB) {
        write({.n_layers = 2});
        make_machine(2, budget);
        for (std::uint32_t i = 0; i < n_sets; ++i) {
            const auto path = folder_.path() / fmt::format("adapter{}.gguf", i);
            write_tiny_adapter(
                path, inventory_, [](auto) { return true; }, 4, 50 + i);
            sets_.push_back(read_adapters(std::vector<AdapterWish>{{path}}, inventory_).value());
        }
        plan_ = random_plan(3);
        plan_.context = {.tokens = TokenCount(256), .ubatch = TokenCount(64)};
        for (std::size_t i = 0; i < 2; ++i) {
            plan_.devices.emplace_back().name = fmt::format("host{}", i);
        }
        LoadOptions options = load_options();
        options.context.more_adapters = {sets_.front()};
        auto model = LoadedModel::load(*machine_, inventory_, plan_, options);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        model_.emplace(std::move(*model));
        contexts_.emplace(*model_);
    }
    void end() {
        contexts_.reset();
        model_.reset();
        expect_empty_devices();
    }

    Engine& engine_for(const std::vector<ChosenAdapter>& adapters) {
        const auto engine = contexts_->engine_for(adapters);
        EXPECT_TRUE(engine.has_value()) << engine.error().message;
        return **engine;
    }
    /// What a new session with these adapters says of a prompt.
    std::vector<Token> said(const std::vector<ChosenAdapter>& adapters) {
        Engine& engine = engine_for(adapters);
        auto session = engine.open().value();
        Request request;
        request.tokens = {5, 17, 99, 3};
        request.max_tokens = 6;
        request.sampling.temperature = 0;
        const auto answer = engine.answer(session, std::move(request));
        EXPECT_TRUE(answer.has_value());
        return session.tokens();
    }
    std::vector<Usage> accounted() const {
        std::vector<Usage> all;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            all.push_back(machine_->device(DeviceId(i)).memory().accounted());
        }
        all.push_back(machine_->host().accounted());
        return all;
    }

    Plan plan_;
    std::vector<std::vector<ChosenAdapter>> sets_;
    std::optional<LoadedModel> model_;
    std::optional<AdapterContexts> contexts_;
};

TEST_F(AdapterContextsTest, SwitchingDoesNotGrowAndEachSetSaysTheSameEachTime) {
    start(3);
    std::vector<std::vector<Token>> first;
    for (const auto& set : sets_) {
        first.push_back(said(set));
    }
    EXPECT_NE(first[0], first[1]);
    EXPECT_NE(first[1], first[2]);
    const std::vector<Usage> before = accounted();
    // Two contexts and three sets in turn: each time another leaves.
    const std::uint64_t switches = contexts_->switches();
    for (int i = 0; i < 60; ++i) {
        for (std::size_t set = 0; set < sets_.size(); ++set) {
            (void)engine_for(sets_[set]);
        }
    }
    EXPECT_EQ(contexts_->switches(), switches + 180);
    EXPECT_EQ(accounted(), before);
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
    {
        const auto first = none.open().value();
        const auto second = one.open().value();
        const auto refused = contexts_->engine_for(sets_[1]);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::usage);
        EXPECT_THAT(refused.error().message, HasSubstr("2 contexts have sessions"));
        EXPECT_EQ(&engine_for(sets_[0]), &one);
    }
    (void)engine_for(sets_[1]);  // in place of none's, which was used before
    EXPECT_EQ(&engine_for(sets_[0]), &one);
    end();
}

TEST_F(AdapterContextsTest, WhatDoesNotFitLeavesNothingOfItselfAndTheOthersAsTheyWere) {
    start(1, 4_MiB);
    const auto said_before = said(sets_[0]);
    const auto path = folder_.path() / "large.gguf";
    const auto queries = [](std::string_view name) { return name.find("attn_q") != name.npos; };
    write_tiny_adapter(path, inventory_, queries, 8192, 77);
    const auto large = read_adapters(std::vector<AdapterWish>{{path}}, inventory_).value();
    const auto refused = contexts_->engine_for(large);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_EQ(said(sets_[0]), said_before);
    EXPECT_EQ(said({}), said({}));
    end();
}

/// Questions to engines on their thread, each in a session of its own.
class AskedInTurn {
public:
    AskedInTurn(AdapterContexts& contexts, EngineThread& thread)
        : contexts_(contexts), thread_(thread) {}

    /// Asks with the first set, then with the next when that has been answered; on the thread.
    void ask(std::vector<std::vector<ChosenAdapter>> sets) {
        Engine& engine = *contexts_.engine_for(sets.front()).value();
        Session& session = sessions_.emplace_back(engine.open().value());
        Request request;
        request.tokens = {5, 17, 99, 3};
        request.max_tokens = 6;
        request.sampling.temperature = 0;
        request.on_end = [this, &session, sets](const Result<Answer>& answer) mutable {
            EXPECT_TRUE(answer.has_value());
            said_.push_back(session.tokens());
            sets.erase(sets.begin());
            sets.empty() ? said_all_.set_value() : ask(std::move(sets));
        };
        session.ask(std::move(request));
    }
    /// What was said in each, when all was; on another thread.
    std::vector<std::vector<Token>> all(std::vector<std::vector<ChosenAdapter>> sets) {
        EXPECT_TRUE(thread_.post([this, sets = std::move(sets)] { ask(sets); }));
        said_all_.get_future().wait();
        return said_;
    }
    void close() { sessions_.clear(); }

private:
    AdapterContexts& contexts_;
    EngineThread& thread_;
    std::list<Session> sessions_;
    std::vector<std::vector<Token>> said_;
    std::promise<void> said_all_;
};

TEST_F(AdapterContextsTest, OneThreadTurnsAllEnginesAlsoWhereAnEndInOneAsksInAnotherBeforeIt) {
    start(2);
    const auto with_none = said({});
    const auto with_first = said(sets_[0]);
    {
        EngineThread thread([this] { return contexts_->engines(); });
        AskedInTurn asked(*contexts_, thread);
        EXPECT_THAT(asked.all({sets_[0], {}, sets_[0]}),
                    testing::ElementsAre(with_first, with_none, with_first));
        EXPECT_EQ(thread.state(std::chrono::minutes(1)).cache.sessions, 3U) << "of both engines";
        EXPECT_EQ(thread.state(std::chrono::minutes(1)).cache.cells_total, 512U);
        thread.stop(EngineThread::Ending::drain);
        asked.close();
    }
    end();
}

TEST_F(AdapterContextsTest, EnginesComeAndGoWhileTheThreadTurnsOthers) {
    start(3);
    std::vector<std::vector<Token>> expected;
    for (const auto& set : sets_) {
        expected.push_back(said(set));
    }
    {
        EngineThread thread([this] { return contexts_->engines(); });
        std::optional<Session> talk;
        std::promise<void> ended;
        ASSERT_TRUE(thread.post([&] {
            talk.emplace(engine_for({}).open().value());
            Request request;
            request.tokens = {5, 17, 99, 3};
            request.on_end = [&ended](const Result<Answer>&) { ended.set_value(); };
            talk->ask(std::move(request));
        }));
        for (std::size_t set = 0; set < sets_.size(); ++set) {
            AskedInTurn asked(*contexts_, thread);
            EXPECT_EQ(asked.all({sets_[set]}).front(), expected[set]) << set;
            std::promise<void> closed;
            ASSERT_TRUE(thread.post([&] {
                asked.close();
                closed.set_value();
            }));
            closed.get_future().wait();
        }
        talk->cancel();
        ended.get_future().wait();
        thread.stop(EngineThread::Ending::drain);
    }
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
