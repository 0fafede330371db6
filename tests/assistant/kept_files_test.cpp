// What is kept between questions: conversations, and where routers are.

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "hexcore/assistant/dialogue.hpp"
#include "hexcore/assistant/router.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Dialogues : public testing::Test {
protected:
    Error refused(const std::string& text) const {
        std::ofstream(file_, std::ios::trunc) << text;
        const auto read = Dialogue::read(file_, "desk");
        EXPECT_FALSE(read) << text;
        return read ? Error{} : read.error();
    }
    test::TempFolder folder_;
    std::filesystem::path file_ = folder_.path() / "talk.json";
};

TEST_F(Dialogues, ThatAreNoneSayWhatTheyAreAndWhatToDo) {
    using Words = std::pair<std::string, std::string>;
    for (const auto& [text, words] : std::map<std::string, Words>{
             {"", {"it is empty", "remove this one"}},
             {" \n", {"it is empty", "remove this one"}},
             {R"({"schema": "hexcore.dial)", {"it is damaged", "remove this one"}},
             {"[]", {"its schema is not hexcore.dialogue/1", "name another file"}},
             {R"({"schema": 3})", {"its schema is not", "name another file"}},
             {"hexcore.session/1\n", {"but one of `hexcore run`", "name another file"}},
             {R"({"schema": "hexcore.dialogue/9"})",
              {"another version of Hexcore keeps it (hexcore.dialogue/9)", "name another file"}},
             {R"({"schema": "hexcore.dialogue/1", "assistant": "desk"})",
              {"parts are missing", "remove this one"}}}) {
        const Error error = refused(text);
        EXPECT_EQ(error.code, ErrorCode::bad_input) << text;
        EXPECT_THAT(error.message,
                    AllOf(HasSubstr("talk.json"), HasSubstr(words.first), HasSubstr(words.second)));
    }
    for (const auto& [path, kind] :
         {std::pair(folder_.path(), "is a folder"),
          std::pair(std::filesystem::path("/dev/full"), "no ordinary")}) {
        const auto read = Dialogue::read(path, "desk");
        ASSERT_FALSE(read);
        EXPECT_THAT(read.error().message, HasSubstr(kind));
    }
}

TEST_F(Dialogues, AreRefusedBeforehandWhereTheyCannotBeKept) {
    EXPECT_TRUE(Dialogue::read_to_keep(file_, "desk"));
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "it was only looked at";
    const auto read = Dialogue::read_to_keep(folder_.path() / "none" / "talk.json", "desk");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::negative);
    EXPECT_THAT(read.error().message, HasSubstr("there is no folder"));
    EXPECT_FALSE(Dialogue::read_to_keep("/proc/talk.json", "desk"));
}

TEST(RouterCache, ThatCannotBeWrittenSaysWhereAndWhy) {
    const test::TempFolder folder;
    std::ofstream(folder.path() / "file") << "x";
    const auto check = [](const std::filesystem::path& cache) {
        ::setenv("HEXCORE_CACHE", cache.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
        auto checked = check_router_cache();
        ::unsetenv("HEXCORE_CACHE");  // NOLINT(concurrency-mt-unsafe)
        return checked;
    };
    EXPECT_TRUE(check(folder.path() / "new"));
    for (const std::filesystem::path& bad :
         {std::filesystem::path("/proc/nope"), folder.path() / "file"}) {
        const auto checked = check(bad);
        ASSERT_FALSE(checked);
        EXPECT_THAT(checked.error().message,
                    AllOf(HasSubstr("cannot be kept in " + (bad / "routers").string() + ": "),
                          HasSubstr("each time")));
    }
}

}  // namespace
}  // namespace hexcore
