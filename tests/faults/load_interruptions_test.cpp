// Interruptions, and files that change, at random moments of a load.

#include <algorithm>
#include <chrono>
#include <thread>

#include "faults/repeated_load.hpp"

namespace hexcore::test {
namespace {

using Clock = std::chrono::steady_clock;

class LoadInterruptions : public RepeatedLoadTest {
protected:
    void SetUp() override {
        RepeatedLoadTest::SetUp();
        for (int i = 0; i < 5; ++i) {
            const auto start = Clock::now();
            EXPECT_TRUE(attempt().has_value());
            quickest_ = std::min(quickest_, Clock::now() - start);
        }
    }

    /// Does `what` at a random moment of a load, in a thread of its own, and returns the load's
    /// error, if any.
    template <typename What>
    std::optional<Error> load_while(const std::atomic<bool>* stop, What what) {
        const auto when = Clock::now() + quickest_ * (random_() % 1000) / 1000;
        std::thread other([&, when] {
            std::this_thread::sleep_until(when);
            what();
        });
        const auto session = attempt(stop);
        other.join();
        return session ? std::nullopt : std::optional(session.error());
    }

    /// Has `what` done to the model's file, which is put back each time, at a random moment of 60
    /// loads: each is complete, or fails as for a bad file and leaves nothing.
    template <typename What>
    void disturb_loads(What what) {
        const auto whole = folder_.path() / "whole.gguf";
        std::filesystem::copy_file(path_, whole);
        int failed = 0;
        for (int i = 0; i < 60 && !HasFailure(); ++i) {
            if (const auto error = load_while(nullptr, what)) {
                expect_a_good_error(*error);
                EXPECT_EQ(error->code, ErrorCode::bad_input) << error->message;
                ++failed;
            }
            expect_nothing_left();
            std::filesystem::copy_file(whole, path_,
                                       std::filesystem::copy_options::overwrite_existing);
            inventory_ = read_inventory(path_).value();
        }
        EXPECT_GT(failed, 5);
        EXPECT_EQ(logits(), expected_);
    }

    std::mt19937 random_{5};
    Clock::duration quickest_ = std::chrono::seconds(1);
};

TEST_F(LoadInterruptions, AtAnyMomentLeaveNothing) {
    int stopped = 0;
    for (int i = 0; stopped < 200 && i < 1000 && !HasFailure(); ++i) {
        std::atomic<bool> stop{false};
        const auto error = load_while(&stop, [&stop] { stop = true; });
        if (error) {
            EXPECT_EQ(error->code, ErrorCode::interrupted) << error->message;
            ++stopped;
        }
        expect_nothing_left();
    }
    EXPECT_EQ(stopped, 200);
    EXPECT_EQ(logits(), expected_);
}

TEST_F(LoadInterruptions, AFileThatIsCutAtAnyMomentIsAnErrorOrTooLate) {
    const std::uint64_t size = std::filesystem::file_size(path_);
    disturb_loads([&] { std::filesystem::resize_file(path_, random_() % size); });
}

TEST_F(LoadInterruptions, AFileThatIsReplacedAtAnyMomentIsNeverLoadedByHalves) {
    // Another model: a load that took part of it would give other logits.
    const auto another = folder_.path() / "another.gguf";
    write_tiny_mixture(another,
                       {.n_layers = 4, .n_experts = 8, .n_embd = 128, .n_ff = 160, .seed = 99});
    const auto other = folder_.path() / "other.gguf";
    disturb_loads([&] {
        std::filesystem::copy_file(another, other);
        std::filesystem::rename(other, path_);
    });
}

}  // namespace
}  // namespace hexcore::test
