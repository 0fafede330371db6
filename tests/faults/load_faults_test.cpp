// A load is refused everything it asks for, once each: whatever fails, the error says what, nothing
// is left, and the next load in the same process works and gives the same logits.

#include <map>

#include "faults/faults.hpp"
#include "faults/repeated_load.hpp"
#include "support/device_pairs.hpp"

namespace hexcore::test {
namespace {

/// Over a capped host device and one of another kind.
class LoadFaults : public RepeatedLoadTest, public ::testing::WithParamInterface<DeviceKind> {
protected:
    void make_devices() override {
        const auto specs = pair_.specs_for_model(64_MiB);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        auto machine = Machine::create(*specs);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
        if (GetParam() == DeviceKind::cuda) {
            resident_slack_ = 32_MiB;  // the driver's libraries keep some where they are refused
        } else if (GetParam() == DeviceKind::rpc) {
            resident_slack_ += 2_MiB;  // pages of the heap that messages to the server were in
        }
    }

    /// Fails the `fail_at`th call of a load. Returns what that was.
    std::string load_without(Faults::Of which, std::size_t fail_at) {
        std::string failed;
        std::optional<Error> error;
        bool loaded = false;
        {
            const Faults faults(which, fail_at);
            const auto session = attempt();
            failed = faults.failed();
            loaded = session.has_value();
            if (!loaded) {
                error = session.error();
            }
        }
        SCOPED_TRACE(fmt::format("{} {}: {}", failed, fail_at, error ? error->message : "loaded"));
        if (error) {
            expect_a_good_error(*error);
        }
        expect_nothing_left();
        EXPECT_EQ(logits(), expected_);
        return failed + (loaded ? " without need" : "");
    }

    std::size_t count_calls(Faults::Of which) {
        const Faults faults(which);
        EXPECT_TRUE(attempt().has_value());
        return faults.count();
    }

    static std::string in_words(const std::map<std::string, int>& counts) {
        std::string text;
        for (const auto& [what, count] : counts) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
        }
        return text;
    }

    DevicePair pair_{DeviceKind::host, GetParam()};
};

TEST_P(LoadFaults, WhateverIsRefusedNothingIsLeftAndTheNextLoadIsTheSame) {
    const std::size_t n = count_calls(Faults::Of::requests);
    EXPECT_GT(n, 20U);
    std::map<std::string, int> refused;
    for (std::size_t k = 1; k <= n && !HasFailure(); ++k) {
        ++refused[load_without(Faults::Of::requests, k)];
    }
    for (const char* what : {"mapping", "commit", "thread", "file", "buffer"}) {
        EXPECT_GT(refused[what], 0) << what;
    }
    EXPECT_EQ(refused["device"] > 0, GetParam() != DeviceKind::host);
    RecordProperty("refused", in_words(refused));
    fmt::print("refused: {}\n", in_words(refused));
}

TEST_P(LoadFaults, WhateverReadFailsNothingIsLeftAndTheNextLoadIsTheSame) {
    const std::size_t n = count_calls(Faults::Of::reads);
    EXPECT_GT(n, 50U);
    const std::size_t step = std::max<std::size_t>(n / 60, 1);
    int failed = 0;
    for (std::size_t k = 1; k <= n && !HasFailure(); k += step) {
        failed += load_without(Faults::Of::reads, k) == "read" ? 1 : 0;
    }
    EXPECT_GT(failed, 30);
}

INSTANTIATE_TEST_SUITE_P(HostAnd, LoadFaults,
                         ::testing::Values(DeviceKind::host, DeviceKind::rpc, DeviceKind::cuda),
                         [](const auto& kind) { return name_of(kind.param); });

}  // namespace
}  // namespace hexcore::test
