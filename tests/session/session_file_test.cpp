#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class SessionFileTest : public ::testing::Test {
protected:
    SessionFileTest() {
        content_.identity = {.model = "Tiny",
                             .architecture = "llama",
                             .file_bytes = {1234},
                             .modified_ns = {"17"},
                             .adapters = {},
                             .kv_type = "f16"};
        content_.tokens = {1, 2, 3};
        content_.note = "hello";
        content_.state.tokens = {1, 2};
        for (int i = 0; i < 100; ++i) {
            content_.state.bytes.push_back(static_cast<std::byte>(i));
        }
        content_.pieces = {.piece = 64, .ends = {1, 2}, .fixed = 1, .fixed_shared = 1};
    }

    std::string written() {
        EXPECT_TRUE(write_session_file(path_, content_).has_value());
        std::ostringstream bytes;
        bytes << std::ifstream(path_, std::ios::binary).rdbuf();
        return bytes.str();
    }

    Result<SessionFile> read_for(const StateIdentity& expected) {
        return read_session_file(path_, expected, books_);
    }

    Result<SessionFile> read_as(const std::string& bytes) {
        std::ofstream(path_, std::ios::binary) << bytes;
        return read_for(content_.identity);
    }

    TempFolder folder_;
    fs::path path_ = folder_.path() / "a.session";
    Ledger books_{"host memory", 1_MiB};
    SessionFile content_;
};

TEST_F(SessionFileTest, ReadsWhatWasWrittenAndHidesIt) {
    (void)written();
    const auto read = read_for(content_.identity);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->tokens, content_.tokens);
    EXPECT_EQ(read->state.tokens, content_.state.tokens);
    EXPECT_EQ(read->state.bytes, content_.state.bytes);
    EXPECT_EQ(read->pieces, content_.pieces);
    EXPECT_EQ(read->note, "hello");
    EXPECT_EQ(read->state_problem, "");
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(SessionFileTest, WhatIsReadIsInTheBooksOfHostMemoryAndRefusedByThem) {
    (void)written();
    {
        const auto read = read_for(content_.identity);
        ASSERT_TRUE(read.has_value());
        EXPECT_EQ(books_.accounted().parked, 100_B);
    }
    EXPECT_EQ(books_.accounted().parked, 0_B);
    content_.state.bytes.resize(2U << 20);
    (void)written();
    const auto read = read_for(content_.identity);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->tokens, content_.tokens);
    EXPECT_TRUE(read->state.bytes.empty());
    EXPECT_NE(read->state_problem, "");
}

TEST_F(SessionFileTest, EachFlippedBitAndEachCutIsNoticed) {
    const std::string good = written();
    for (std::size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 4);
        const auto read = read_as(bad);
        EXPECT_TRUE(!read || !read->state_problem.empty()) << at;
        EXPECT_TRUE(!read || read->tokens == content_.tokens) << at;
        const auto cut = read_as(good.substr(0, at));
        EXPECT_TRUE(!cut || !cut->state_problem.empty()) << at;
    }
}

TEST_F(SessionFileTest, AnotherModelIsRefusedAndAnotherCacheGivesTheTokens) {
    (void)written();
    StateIdentity other = content_.identity;
    other.modified_ns = {"18"};
    const auto refused = read_for(other);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::bad_input);
    EXPECT_THAT(refused.error().message, HasSubstr("another model"));
    other = content_.identity;
    other.kv_type = "q8_0";
    const auto tokens = read_for(other);
    ASSERT_TRUE(tokens.has_value()) << tokens.error().message;
    EXPECT_EQ(tokens->tokens, content_.tokens);
    EXPECT_TRUE(tokens->state.bytes.empty());
    EXPECT_THAT(tokens->state_problem, HasSubstr("f16"));
}

TEST_F(SessionFileTest, AWriteThatFailsLeavesTheOldOne) {
    const std::string good = written();
    content_.state.bytes.resize(200'000);
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, old.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto result = write_session_file(path_, content_);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)std::signal(SIGXFSZ, ignored);
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr("cannot write"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
    std::ostringstream bytes;
    bytes << std::ifstream(path_, std::ios::binary).rdbuf();
    EXPECT_EQ(bytes.str(), good);
}

TEST_F(SessionFileTest, WhereNoneCanBeKeptIsKnownBefore) {
    const auto problem = [](const fs::path& path) {
        const auto checked = check_session_file(path);
        EXPECT_TRUE(checked || checked.error().code == ErrorCode::usage);
        return checked ? "fine" : checked.error().message;
    };
    EXPECT_EQ(problem(path_), "fine");
    EXPECT_FALSE(fs::exists(path_));
    (void)written();
    EXPECT_EQ(problem(path_), "fine");
    EXPECT_TRUE(read_for(content_.identity).has_value());
    EXPECT_THAT(problem(folder_.path()), HasSubstr("is no file that a session can be kept in"));
    EXPECT_THAT(problem(folder_.path() / "none" / "a"), HasSubstr("there is no folder"));
    EXPECT_THAT(problem("/proc/a.session"), HasSubstr("cannot write /proc/a.session"));
    EXPECT_THAT(problem("/dev/null"), HasSubstr("is no file"));
}

TEST_F(EngineTest, ASavedSessionGoesOnWithTheSameBits) {
    start({});
    const fs::path file = folder_.path() / "chat.session";
    std::string expected;
    {
        Session session = open();
        (void)answer(session, request(70, 1, 5));
        ASSERT_TRUE(session.save_to(file, "a note").has_value());
        expected = bits(answer(session, request(10, 2, 6)));
    }
    start({});
    Session session = open();
    const auto loaded = session.load_from(file);
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_EQ(loaded->note, "a note");
    EXPECT_EQ(loaded->problem, "");
    EXPECT_EQ(session.tokens().size(), 75U);
    const Answer given = answer(session, request(10, 2, 6));
    EXPECT_EQ(bits(given), expected);
    EXPECT_EQ(given.computed_tokens, 11U + 5U);
}

TEST_F(EngineTest, AFileThatCannotBeTakenLeavesTheSessionAsItWas) {
    start({});
    const fs::path file = folder_.path() / "chat.session";
    const fs::path damaged = folder_.path() / "damaged.session";
    Session other = open();
    (void)answer(other, request(30, 3, 4));
    ASSERT_TRUE(other.save_to(file, "somebody's note").has_value());
    std::ofstream(damaged) << "hexcore.session/1\n";
    Session twin = open();
    Session session = open();
    (void)answer(twin, request(70, 1, 5));
    (void)answer(session, request(70, 1, 5));
    const auto tokens = session.tokens();
    const auto refused = session.load_from(file, [](const std::string& note) -> Result<void> {
        return fail(ErrorCode::bad_input, "not {}", note);
    });
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().message, "not somebody's note");
    EXPECT_FALSE(session.load_from(damaged).has_value());
    EXPECT_FALSE(session.load_from(folder_.path()).has_value());
    EXPECT_EQ(session.tokens(), tokens);
    EXPECT_EQ(bits(answer(session, request(10, 2, 6))), bits(answer(twin, request(10, 2, 6))));
}

// With Equality::exact only what was computed in the pieces of a fresh session is reused.
TEST_F(EngineTest, ASavedSessionIsReusedAsItWouldHaveBeen) {
    const fs::path file = folder_.path() / "chat.session";
    const Setting setting{.tokens_each = 512, .options = {.equality = Equality::exact}};
    const auto whole = [](std::vector<Token> tokens) {
        Request asked = request(0, 1, 6);
        asked.tokens = std::move(tokens);
        asked.kind = PromptKind::whole;
        asked.shared_tokens = 50;
        return asked;
    };
    const std::vector<Token> first = request(200, 1, 0).tokens;
    std::vector<Token> longer = first;
    const std::vector<Token> more = request(60, 2, 0).tokens;
    longer.insert(longer.end(), more.begin(), more.end());
    start(setting);
    Answer expected;
    {
        Session session = open();
        (void)answer(session, whole(first));
        ASSERT_TRUE(session.save_to(file, "").has_value());
        expected = answer(session, whole(longer));
        EXPECT_EQ(expected.reused_tokens, 192U);
    }
    start(setting);
    {
        Session session = open();
        ASSERT_EQ(session.load_from(file).value().problem, "");
        const Answer given = answer(session, whole(longer));
        EXPECT_EQ(given.reused_tokens, expected.reused_tokens);
        EXPECT_EQ(bits(given), bits(expected));
        // Where cells are gone, the tokens are computed again in the pieces in which they were.
        ASSERT_EQ(session.load_from(file).value().problem, "");
        const Answer goes_on = answer(session, request(5, 3, 4));
        Session again = open();
        ASSERT_EQ(again.load_from(file).value().problem, "");
        Session other = open();
        Session another = open();
        (void)answer(other, request(4, 4, 1));
        (void)answer(another, request(4, 4, 1));
        EXPECT_EQ(again.stats().session_tokens, 0U);
        EXPECT_EQ(bits(answer(again, request(5, 3, 4))), bits(goes_on));
    }
    Setting other_pieces = setting;
    other_pieces.ubatch = 96;
    start(other_pieces);
    Session session = open();
    ASSERT_EQ(session.load_from(file).value().problem, "");
    EXPECT_EQ(answer(session, whole(longer)).reused_tokens, 0U);
}

}  // namespace
}  // namespace hexcore::test
