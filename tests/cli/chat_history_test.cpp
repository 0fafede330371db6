#include "hexcore/cli/chat_history.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "hexcore/cli/history_search.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

class ChatHistoryTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "historyXXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
        file_ = folder_ / "state" / "history";
    }
    void TearDown() override { fs::remove_all(folder_); }

    static std::vector<std::string> texts(const ChatHistory& history) {
        std::vector<std::string> all;
        for (std::size_t number = history.size(); number > 0; --number) {
            all.push_back(history.text(number));
        }
        return all;
    }
    [[nodiscard]] std::string content() const {
        std::ifstream file(file_);
        return (std::ostringstream() << file.rdbuf()).str();
    }
    void write(const std::string& text) const {
        fs::create_directories(file_.parent_path());
        std::ofstream(file_) << text;
    }

    fs::path folder_, file_;
};

TEST_F(ChatHistoryTest, TheNextChatHasWhatThisOneKept) {
    ChatHistory history(file_);
    history.add("one");
    history.add("two\nlines, \"quoted\", \u00E9");
    EXPECT_THAT(texts(ChatHistory(file_)), ElementsAre("one", "two\nlines, \"quoted\", \u00E9"));
    struct stat facts {};
    ASSERT_EQ(::stat(file_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(ChatHistoryTest, BlankOnesRepeatedOnesAndThoseBehindABlankAreNotKept) {
    ChatHistory history(file_);
    for (const char* text : {"", " ", "\n", "one", "one", " secret", "two", "one"}) {
        history.add(text);
    }
    EXPECT_THAT(texts(history), ElementsAre("one", "two", "one"));
    EXPECT_EQ(content(), "\"one\"\n\"two\"\n\"one\"\n");
}

TEST_F(ChatHistoryTest, ItIsBoundedInTextsAndInBytes) {
    std::string lines;
    for (int i = 0; i < 1500; ++i) {
        lines += fmt::format("\"{}\"\n", i);
    }
    write(lines);
    const ChatHistory many(file_);
    EXPECT_EQ(many.size(), 1000U);
    EXPECT_EQ(many.text(1), "1499");
    EXPECT_LT(content().size(), 7000U);

    write(fmt::format("\"{:a>900000}\"\n\"{:b>900000}\"\n", "", ""));
    const ChatHistory large(file_);
    ASSERT_EQ(large.size(), 1U);
    EXPECT_EQ(large.text(1)[0], 'b');
    EXPECT_LT(content().size(), 1024U * 1024);
}

TEST_F(ChatHistoryTest, ItsFileStaysBoundedWhileAChatGoesOn) {
    ChatHistory history(file_);
    for (int i = 0; i < 30; ++i) {
        history.add(std::to_string(i) + std::string(100'000, 'x'));
    }
    EXPECT_LE(fs::file_size(file_), 2 * 1024U * 1024U);
    EXPECT_EQ(ChatHistory(file_).text(1).substr(0, 3), "29x");
}

TEST_F(ChatHistoryTest, ATextThatIsTooLongForTheFileIsKeptInThisChat) {
    ChatHistory history(file_);
    history.add("short");
    history.add(std::string(2'000'000, 'x'));
    EXPECT_EQ(history.text(1).size(), 2'000'000U);
    EXPECT_THAT(texts(ChatHistory(file_)), ElementsAre("short"));
}

TEST_F(ChatHistoryTest, LinesThatAreNoTextAreLeftOut) {
    write("\"one\"\nnot json\n[1]\n\n\"two\"\n\"cut of");
    EXPECT_THAT(texts(ChatHistory(file_)), ElementsAre("one", "two"));
}

TEST_F(ChatHistoryTest, AFileThatCannotBeWrittenIsNoError) {
    for (const fs::path& place : {fs::path(), fs::path("/proc/none/history"), folder_}) {
        ChatHistory history(place);
        history.add("one");
        EXPECT_THAT(texts(history), ElementsAre("one"));
    }
    fs::create_directories(file_.parent_path());
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);  // nobody reads from it
    ChatHistory history(file_);
    history.add("one");
    EXPECT_EQ(history.size(), 1U);
}

Key key(wchar_t code) { return {code}; }
constexpr wchar_t again = 'R' - '@';
constexpr wchar_t cancel = 'G' - '@';

class HistorySearchTest : public ChatHistoryTest {
protected:
    void SetUp() override {
        ChatHistoryTest::SetUp();
        for (const char* text : {"\u4E0A one", "two one", "three"}) {
            history.add(text);
        }
    }
    void type(std::wstring_view text) {
        for (const wchar_t code : text) {
            EXPECT_EQ(search.take(key(code)), HistorySearch::Step::on);
        }
    }

    ChatHistory history{fs::path()};
    HistorySearch search{history};
};

TEST_F(HistorySearchTest, ItFindsTheNewestAndAgainOlderOnes) {
    type(L"one");
    EXPECT_EQ(search.found(), 2U);
    type({&again, 1});
    EXPECT_EQ(search.found(), 3U);
    EXPECT_FALSE(search.failed());
    type({&again, 1});
    EXPECT_EQ(search.found(), 3U);
    EXPECT_TRUE(search.failed());
}

TEST_F(HistorySearchTest, ItGoesBackWithWhatIsDeleted) {
    type(L"\u4E0A");
    EXPECT_EQ(search.found(), 3U);
    type(L"x");
    EXPECT_TRUE(search.failed());
    type(L"\x7f");
    EXPECT_FALSE(search.failed());
    type(L"\x7f");
    EXPECT_EQ(search.found(), 0U);
    EXPECT_EQ(search.part(), "");
}

TEST_F(HistorySearchTest, OtherKeysEndIt) {
    type(L"t");
    EXPECT_EQ(search.take(key(cancel)), HistorySearch::Step::cancel);
    EXPECT_EQ(search.take(key(L'\r')), HistorySearch::Step::end);
    EXPECT_EQ(search.take(key(key_paste)), HistorySearch::Step::end);
}

}  // namespace
}  // namespace hexcore
