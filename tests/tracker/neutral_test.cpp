#include "hexcore/tracker/neutral.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "hexcore/tracker.hpp"
#include "hexcore/tracker/process_tracker.hpp"
#include "support/sanitized.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;

/// Memory that was told, and is in use.
class Kept {
public:
    Kept() = default;
    ~Kept() { hexcore_holder_close(holder_); }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;

    void take(std::size_t size, const char* purpose) {
        blocks_.push_back(std::make_unique<std::vector<char>>(size, 'x'));
        hexcore_allocated(holder_, reinterpret_cast<std::uintptr_t>(blocks_.back().get()), size,
                          purpose);
    }
    void listen() { holder_ = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host0", 0); }

private:
    hexcore_holder holder_ = 0;
    std::vector<std::unique_ptr<std::vector<char>>> blocks_;
};

TEST(ExpectNeutral, FindsAPageThatIsToldExactlyAndNamesIt) {
    auto tracker = ProcessTracker::start({.interval = std::chrono::milliseconds(20)});
    ASSERT_TRUE(tracker.has_value()) << tracker.error().message;
    Kept kept;
    kept.listen();
    const Neutrality found = expect_neutral(std::string("decode"), [&] {
        kept.take(4096, "kv cache");
        return true;
    });
    EXPECT_EQ(found.problem, "");
    EXPECT_EQ(found.verdict(), Verdict::leak);
    const std::string document = neutral_json(found);
    EXPECT_THAT(document, HasSubstr("+4.0 KiB each (exactly: kv cache of host0 +4.0 KiB)"));
    EXPECT_EQ(hexcore_grew(document.c_str()), 1);
    EXPECT_EQ(nlohmann::json::parse(document).at("repeats"), 24);
}

TEST(ExpectNeutral, FindsWhatIsNotToldBySamples) {
    std::vector<std::vector<char>> kept;
    const Expected found = expect_neutral("step", [&] { kept.emplace_back(1U << 20U, 'x'); });
    EXPECT_EQ(found.grew, Expected::Grew::yes) << found.document;
    EXPECT_THAT(found.document, HasSubstr("by samples"));
}

TEST(ExpectNeutral, HoldsForWorkThatGivesBackWhatItTook) {
    if (test::sanitized) {
        GTEST_SKIP() << "a sanitizer keeps what was freed";
    }
    const Expected found =
        expect_neutral("step", [] { return std::vector<char>(4U << 20U, 'x').back() == 'x'; });
    EXPECT_EQ(found.grew, Expected::Grew::no) << found.document;
    EXPECT_EQ(nlohmann::json::parse(found.document).at("schema"), "hexcore.neutral/1");
}

TEST(ExpectNeutral, PassesOnWhatTheWorkThrows) {
    const auto fails = []() -> bool { throw std::runtime_error("its own"); };
    EXPECT_THROW((void)expect_neutral("step", fails), std::runtime_error);
}

TEST(ExpectNeutral, DoesNotKnowOfWorkThatWasNotDone) {
    int calls = 0;
    const Expected found = expect_neutral("step", [&] { return ++calls < 3; });
    EXPECT_EQ(calls, 3);
    EXPECT_EQ(found.grew, Expected::Grew::not_known);
    EXPECT_THAT(found.document, HasSubstr("the work was not done"));
    EXPECT_EQ(hexcore_grew("no document"), -1);
    EXPECT_EQ(hexcore_grew(nullptr), -1);
}

}  // namespace
}  // namespace hexcore
