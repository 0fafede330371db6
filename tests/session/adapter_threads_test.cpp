#include <gmock/gmock.h>

#include <future>
#include <list>

#include "hexcore/session/engine_thread.hpp"
#include "session/adapter_fixture.hpp"

namespace hexcore::test {
namespace {

class AdapterThreads : public AdapterEnginesTest {};

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

TEST_F(AdapterThreads, OneThreadTurnsAllEnginesAlsoWhereAnEndInOneAsksInAnotherBeforeIt) {
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

TEST_F(AdapterThreads, EnginesComeAndGoWhileTheThreadTurnsOthers) {
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

}  // namespace
}  // namespace hexcore::test
