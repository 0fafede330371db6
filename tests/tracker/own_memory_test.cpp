// Hexcore's own memory under its own tracker: loads, answers and a device that forgets.
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "hexcore/track/ledger_teller.hpp"
#include "hexcore/tracker/neutral.hpp"
#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

using OwnMemory = EngineTest;

TEST_F(OwnMemory, IsBackAfterEachLoadAndUnload) {
    if (sanitized) {
        GTEST_SKIP() << "a sanitizer keeps what was freed";
    }
    const Neutrality found = expect_neutral(std::string("load, run, unload"), [&] {
        start({});
        {
            Session session = open();
            answer(session, request(4, 1, 2));
        }
        engine_.reset();
        model_.reset();
        machine_.reset();
        return true;
    });
    const std::string document = neutral_json(found);
    EXPECT_EQ(found.verdict(), Verdict::none) << document;
    ASSERT_EQ(found.repeats.devices.size(), 1U) << document;
    EXPECT_TRUE(found.repeats.devices[0].exact) << "as the ledgers tell: " << document;
}

TEST_F(OwnMemory, IsAsItWasAfterAThousandQueries) {
    if (sanitized) {
        GTEST_SKIP() << "a sanitizer keeps what was freed";
    }
    start({});
    std::uint32_t queries = 0;
    const auto ask = [&] {
        for (int i = 0; i < 42; ++i) {
            Session session = open();
            answer(session, request(4, ++queries, 1));
        }
        return true;
    };
    const Neutrality found =
        expect_neutral(std::string("queries"), ask,
                       {.most_repeats = 48,
                        .most_time = std::chrono::minutes(10)});  // so many on a busy machine, too
    EXPECT_EQ(found.problem, "");
    EXPECT_FALSE(is_growth(found.verdict())) << neutral_json(found);
    EXPECT_GE(queries, 1000U);
}

/// Forgets to give back what it took for the KV cache.
class ForgetfulDevice {
public:
    ForgetfulDevice() : teller_(1_GiB), ledger_("host0", 1_GiB) { ledger_.add_sink(teller_); }

    void run() {
        auto weights = ledger_.take(8_MiB, Purpose::weights);
        auto kv = ledger_.take(256_KiB, Purpose::kv);
        auto compute = ledger_.take(2_MiB, Purpose::compute);
        ASSERT_TRUE(weights && kv && compute);
        forgotten_.push_back(std::move(*kv));
    }

private:
    LedgerTeller teller_;
    Ledger ledger_;
    std::vector<LedgerEntry> forgotten_;
};

TEST(ForgottenRelease, OfAKvBufferIsFoundAndNamed) {
    ForgetfulDevice device;
    const Neutrality found = expect_neutral(std::string("decode"), [&] {
        device.run();
        return true;
    });
    EXPECT_EQ(found.verdict(), Verdict::leak);
    EXPECT_THAT(neutral_json(found),
                HasSubstr(fmt::format("+256 KiB each (exactly: {} of host0 +256 KiB)",
                                      to_string(Purpose::kv))));
}

}  // namespace
}  // namespace hexcore::test
