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
        content_.cells = 2;
        for (int i = 0; i < 100; ++i) {
            content_.state.push_back(static_cast<std::byte>(i));
        }
    }

    std::string written() {
        EXPECT_TRUE(write_session_file(path_, content_).has_value());
        std::ostringstream bytes;
        bytes << std::ifstream(path_, std::ios::binary).rdbuf();
        return bytes.str();
    }

    Result<SessionFile> read_as(const std::string& bytes) {
        std::ofstream(path_, std::ios::binary) << bytes;
        return read_session_file(path_, content_.identity);
    }

    TempFolder folder_;
    fs::path path_ = folder_.path() / "a.session";
    SessionFile content_;
};

TEST_F(SessionFileTest, ReadsWhatWasWrittenAndHidesIt) {
    (void)written();
    const auto read = read_session_file(path_, content_.identity);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->tokens, content_.tokens);
    EXPECT_EQ(read->cells, 2U);
    EXPECT_EQ(read->state, content_.state);
    EXPECT_EQ(read->note, "hello");
    EXPECT_EQ(read->state_problem, "");
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
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
    const auto refused = read_session_file(path_, other);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::bad_input);
    EXPECT_THAT(refused.error().message, HasSubstr("another model"));
    other = content_.identity;
    other.kv_type = "q8_0";
    const auto tokens = read_session_file(path_, other);
    ASSERT_TRUE(tokens.has_value()) << tokens.error().message;
    EXPECT_EQ(tokens->tokens, content_.tokens);
    EXPECT_TRUE(tokens->state.empty());
    EXPECT_THAT(tokens->state_problem, HasSubstr("f16"));
}

TEST_F(SessionFileTest, AWriteThatFailsLeavesTheOldOne) {
    const std::string good = written();
    content_.state.resize(200'000);
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

}  // namespace
}  // namespace hexcore::test
