#include "hexcore/session/engine_thread.hpp"

#include <gmock/gmock.h>

#include <future>
#include <latch>
#include <list>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

class EngineThreadTest : public EngineTest {
protected:
    /// Asks on the thread, in a session that lives until close_all().
    std::future<Result<Answer>> ask(EngineThread& thread, Request request) {
        const auto end = std::make_shared<std::promise<Result<Answer>>>();
        request.on_end = [end](Result<Answer> answer) { end->set_value(std::move(answer)); };
        EXPECT_TRUE(thread.post([this, request = std::move(request)] {
            sessions_.push_back(*engine_->open());
            sessions_.back().ask(request);
        }));
        return end->get_future();
    }

    void TearDown() override { sessions_.clear(); }

    std::list<Session> sessions_;  ///< of the thread, while there is one
};

TEST_F(EngineThreadTest, AnswersWhatManyThreadsAskAsOneWould) {
    start({.sequences = 2, .options = {.equality = Equality::exact}});
    Session alone = open();
    std::vector<std::string> expected;
    for (std::uint32_t i = 0; i < 6; ++i) {
        Request asked = request(5 + i, i, 6);
        asked.kind = PromptKind::whole;
        expected.push_back(bits(answer(alone, std::move(asked))));
    }
    {
        EngineThread thread(*engine_);
        std::vector<std::future<std::string>> answers;
        for (std::uint32_t i = 0; i < 6; ++i) {
            answers.push_back(std::async(std::launch::async, [&, i] {
                return bits(*ask(thread, request(5 + i, i, 6)).get());
            }));
        }
        for (std::size_t i = 0; i < answers.size(); ++i) {
            EXPECT_EQ(answers[i].get(), expected[i]) << i;
        }
    }
    sessions_.clear();
}

TEST_F(EngineThreadTest, SaysWhatItIsAtWithoutWaitingForALongTurn) {
    using std::chrono::milliseconds;
    constexpr milliseconds for_long{60'000};
    start({});
    {
        EngineThread thread(*engine_);
        EXPECT_EQ(thread.state(for_long).age.count(), 0) << "it has nothing to do";
        ASSERT_TRUE(ask(thread, request(5, 1, 3)).get().has_value());
        const EngineState idle = thread.state(for_long);
        EXPECT_EQ(idle.answering, 0U);
        EXPECT_EQ(idle.cache.sessions, 1U);
        EXPECT_EQ(idle.cache.cells_used, 7U);
        std::latch goes_on(1);
        ASSERT_TRUE(thread.post([&goes_on] { goes_on.wait(); }));
        auto answer = ask(thread, request(5, 2, 3));
        const EngineState old = thread.state(milliseconds(5));
        EXPECT_GT(old.age.count(), 0);
        EXPECT_EQ(old.cache.cells_used, 7U) << "all of it is as it was then";
        EXPECT_EQ(old.cache.sessions, 1U);
        EXPECT_GT(thread.state(milliseconds(0)).age, old.age);
        goes_on.count_down();
        ASSERT_TRUE(answer.get().has_value());
        EXPECT_EQ(thread.state(for_long).cache.sessions, 2U);
        thread.stop(EngineThread::Ending::drain);
        EXPECT_EQ(thread.state(for_long).cache.sessions, 2U) << "it has ended";
    }
    sessions_.clear();
}

TEST_F(EngineThreadTest, DrainingAnswersWhatWasAskedAndTakesNoMore) {
    start({});
    EngineThread thread(*engine_);
    auto answer = ask(thread, request(5, 1, 20));
    thread.stop(EngineThread::Ending::drain);
    EXPECT_EQ(answer.get()->generated_tokens, 20U);
    EXPECT_FALSE(thread.post([] { FAIL() << "it has ended"; }));
}

TEST_F(EngineThreadTest, EndingAtOnceCutsAnswersShortAlsoWhileItDrains) {
    start({.tokens_each = 16384});
    EngineThread thread(*engine_);
    auto answer = ask(thread, request(5, 1, 0));  // as long as there is room
    auto drained =
        std::async(std::launch::async, [&] { thread.stop(EngineThread::Ending::drain); });
    thread.stop(EngineThread::Ending::now);
    drained.get();
    EXPECT_EQ(answer.get()->stop, StopReason::interrupted);
}

TEST_F(EngineThreadTest, WorkIsDoneInItsOrderAlsoWhileNobodyAsks) {
    start({});
    EngineThread thread(*engine_);
    std::vector<int> order;
    std::latch done(1);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(thread.post([&order, i] { order.push_back(i); }));
    }
    ASSERT_TRUE(thread.post([&done] { done.count_down(); }));
    done.wait();
    EXPECT_TRUE(std::ranges::is_sorted(order));
    EXPECT_EQ(order.size(), 100U);
}

}  // namespace
}  // namespace hexcore::test
