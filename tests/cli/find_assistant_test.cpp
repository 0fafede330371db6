#include "hexcore/cli/find_assistant.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class FindAssistant : public testing::Test {
protected:
    FindAssistant() {
        ::setenv("XDG_DATA_HOME", folder_.path().c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }
    ~FindAssistant() override {
        ::unsetenv("XDG_DATA_HOME");  // NOLINT(concurrency-mt-unsafe)
    }
    std::filesystem::path make(const std::string& name) const {
        const auto folder = folder_.path() / name;
        std::filesystem::create_directories(folder);
        std::ofstream(folder / "assistant.toml") << "name = 3";
        return folder / "assistant.toml";
    }
    test::TempFolder folder_;
};

TEST_F(FindAssistant, TakesNamesFilesAndFolders) {
    const auto named = make("hexcore/assistants/desk");
    const auto file = make("other");
    EXPECT_EQ(find_assistant("desk").value(), named);
    EXPECT_EQ(find_assistant(file.string()).value(), file);
    EXPECT_EQ(find_assistant(file.parent_path().string()).value(), file);
    EXPECT_EQ(find_assistant("none.toml").value(), "none.toml") << "which whoever reads it says";
    EXPECT_EQ(find_assistant(".").value(), std::filesystem::path(".") / "assistant.toml");
}

TEST_F(FindAssistant, SaysWhereItLookedWhereThereAreNone) {
    const auto none = find_assistant("magic");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::usage);
    EXPECT_THAT(none.error().message,
                AllOf(HasSubstr("there is no assistant magic: no assistant is installed in " +
                                (folder_.path() / "hexcore/assistants").string() + ", "),
                      HasSubstr(" or "), HasSubstr("give a name, a file or its folder")));
    (void)make("hexcore/assistants/desk");
    EXPECT_THAT(find_assistant("").error().message, HasSubstr("no assistant is named"));
    EXPECT_THAT(find_assistant("chess").error().message,
                HasSubstr("there is no assistant chess; there is desk; give a name"));
}

}  // namespace
}  // namespace hexcore
