// Interruptions, and files that change, at every moment of a load: just before each call that it
// makes.

#include <algorithm>

#include "faults/faults.hpp"
#include "faults/repeated_load.hpp"

namespace hexcore::test {
namespace {

class LoadInterruptions : public RepeatedLoadTest {
protected:
    void SetUp() override {
        RepeatedLoadTest::SetUp();
        const Faults counting(Faults::Of::both);
        EXPECT_TRUE(attempt().has_value());
        n_calls_ = counting.count();
        EXPECT_GT(n_calls_, 80U);
    }

    /// What becomes of a load during which something happens.
    struct Disturbed {
        bool happened = false;
        std::optional<Error> error;
    };
    Disturbed load_while(std::size_t call, const std::atomic<bool>* stop,
                         const std::function<void()>& what) {
        const Faults moment(Faults::Of::both, call, what);
        const auto session = attempt(stop);
        return {moment.happened(), session ? std::nullopt : std::optional(session.error())};
    }

    /// Has `what` done to the model's file, which is put back each time, at 60 moments of a load:
    /// each load is complete, or fails as for a bad file and leaves nothing.
    void disturb_loads(const std::function<void()>& what) {
        const auto whole = folder_.path() / "whole.gguf";
        std::filesystem::copy_file(path_, whole);
        int failed = 0;
        for (std::size_t i = 0; i < 60 && !HasFailure(); ++i) {
            const std::size_t call = 1 + i * n_calls_ / 60;
            SCOPED_TRACE(fmt::format("before call {} of {}", call, n_calls_));
            if (const auto load = load_while(call, nullptr, what); load.error) {
                expect_a_good_error(*load.error);
                EXPECT_EQ(load.error->code, ErrorCode::bad_input) << load.error->message;
                ++failed;
            }
            expect_nothing_left();
            std::filesystem::copy_file(whole, path_,
                                       std::filesystem::copy_options::overwrite_existing);
            inventory_ = read_inventory(path_).value();
        }
        EXPECT_GT(failed, 30);
        EXPECT_EQ(logits(), expected_);
    }

    std::size_t n_calls_ = 0;
};

TEST_F(LoadInterruptions, AtAnyMomentLeaveNothing) {
    std::size_t stopped = 0;
    for (std::size_t call = 1; call <= n_calls_ && !HasFailure(); ++call) {
        SCOPED_TRACE(fmt::format("before call {} of {}", call, n_calls_));
        std::atomic<bool> stop{false};
        const auto load = load_while(call, &stop, [&stop] { stop = true; });
        // Readers that race make a call more or less; whoever was not stopped is complete.
        EXPECT_EQ(load.error.has_value(), load.happened);
        if (load.error) {
            EXPECT_EQ(load.error->code, ErrorCode::interrupted) << load.error->message;
            ++stopped;
        }
        expect_nothing_left();
    }
    EXPECT_GT(stopped, n_calls_ * 3 / 4);
    EXPECT_EQ(logits(), expected_);
}

TEST_F(LoadInterruptions, AFileThatIsCutAtAnyMomentIsAnErrorOrTooLate) {
    const std::uint64_t size = std::filesystem::file_size(path_);
    std::mt19937 random{5};
    disturb_loads([&] { std::filesystem::resize_file(path_, random() % size); });
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
