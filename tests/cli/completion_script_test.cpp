#include "hexcore/cli/completion_script.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>

#include "cli/sample_program.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using test::SampleProgram;
using testing::HasSubstr;
using testing::Not;

/// What bash offers with this script for the words of a line, the last of which is being written.
std::string offered_by_bash(const std::string& script, const std::vector<std::string>& words) {
    const test::TempFolder folder;
    const auto path = folder.path() / "try.bash";
    std::string list;
    std::string line;
    for (const std::string& word : words) {
        list += " " + shell_quoted(word);
        line += (line.empty() ? "" : " ") + word;
    }
    std::ofstream(path) << script
                        << fmt::format(
                               "compopt() {{ COMPREPLY+=(\"compopt $*\"); }}\n"
                               "COMP_WORDS=({}) COMP_CWORD={} COMP_LINE={} COMP_POINT={}\n"
                               "_sample sample {}\necho \"${{COMPREPLY[@]}}\"\n",
                               list, words.size() - 1, shell_quoted(line), line.size(),
                               shell_quoted(words.back()));
    const std::string command = "bash --norc " + shell_quoted(path.string()) + " 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> output(popen(command.c_str(), "r"), pclose);
    std::array<char, 4096> text{};
    const std::size_t size = std::fread(text.data(), 1, text.size(), output.get());
    return {text.data(), size};
}

std::string offered_by_bash(const std::vector<std::string>& words) {
    return offered_by_bash(completion_bash(SampleProgram().tree()), words);
}

/// A program that asks assistants, and the user's own folder of them.
class CompletedAssistant : public testing::Test {
protected:
    CompletedAssistant() {
        app_.name("sample");
        app_.add_option("--assistant", text_, "whom")->option_text("ASSISTANT");
        app_.add_option("--expert", text_, "which")->option_text("EXPERT");
        write("data/sample/assistants/desk",
              "name = 'desk'\n[[expert]]\nname = \"FIX\"\n"
              "system = \"name = \\\"NO\\\"\"\n"
              " [[ expert ]]  # two\n  name='TELL'\n"
              "[router]\nname = \"NOR\"");
        write("my", "[[expert]]\nname = \"MINE\"");
        ::setenv("XDG_DATA_HOME", (folder_.path() / "data").c_str(), 1);
    }
    ~CompletedAssistant() override { ::unsetenv("XDG_DATA_HOME"); }
    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(folder_.path() / name);
        std::ofstream(folder_.path() / name / "assistant.toml") << text;
    }
    [[nodiscard]] std::string offered(const std::vector<std::string>& words) const {
        return offered_by_bash(completion_bash(describe_program(app_), assistants_), words);
    }
    test::TempFolder folder_;
    CLI::App app_;
    std::string text_;
    CompletedAssistants assistants_{
        .folder = "sample/assistants", .when_none = "cook", .shipped = {{"cook", {"BAKE", "FRY"}}}};
};

TEST(CompletionScript, ReachesCommandsInCommandsInBash) {
    EXPECT_EQ(offered_by_bash({"sample", ""}), "store show\n");
    EXPECT_EQ(offered_by_bash({"sample", "store", ""}), "put\n");
    EXPECT_EQ(offered_by_bash({"sample", "store", "put", "--c"}), "--count\n");
    EXPECT_EQ(offered_by_bash({"sample", "store", "put", "-k", ""}), "red blue\n");
}

TEST(CompletionScript, OffersFilesForEveryArgumentThatRepeatsInBash) {
    EXPECT_EQ(offered_by_bash({"sample", "store", "put", ""}), "compopt -o default\n");
    EXPECT_EQ(offered_by_bash({"sample", "store", "put", "a", "b", ""}), "compopt -o default\n");
    EXPECT_EQ(offered_by_bash({"sample", "show", "a", ""}), "-h --help\n");
}

TEST(CompletionScript, TakesWordsBehindTwoDashesForArgumentsInBash) {
    EXPECT_EQ(offered_by_bash({"sample", "show", "--", "-"}), "compopt -o default\n");
}

TEST_F(CompletedAssistant, IsNamedByFoldersOrAFileInBash) {
    EXPECT_EQ(offered({"sample", "--assistant", ""}), "cook desk compopt -o default\n");
    EXPECT_EQ(offered({"sample", "--assistant", "d"}), "desk compopt -o default\n");
}

TEST_F(CompletedAssistant, HasItsOwnExpertsInBash) {
    EXPECT_EQ(offered({"sample", "--expert", ""}), "BAKE FRY\n");
    EXPECT_EQ(offered({"sample", "--assistant", "desk", "--expert", ""}), "FIX TELL\n");
    EXPECT_EQ(offered({"sample", "--assistant=desk", "--expert", "T"}), "TELL\n");
    const std::string my = (folder_.path() / "my").string();
    EXPECT_EQ(offered({"sample", "--assistant", my, "--expert", ""}), "MINE\n");
    EXPECT_EQ(offered({"sample", "--assistant", my + "/assistant.toml", "--expert", ""}), "MINE\n");
    EXPECT_EQ(offered({"sample", "--assistant", "none", "--expert", ""}), "\n");
    // One of the user's own hides one that comes with the program.
    write("data/sample/assistants/cook", "[[expert]]\nname = \"BOIL\"");
    EXPECT_EQ(offered({"sample", "--expert", ""}), "BOIL\n");
}

TEST_F(CompletedAssistant, RunsNothingThatAFileSaysInBash) {
    const std::string made = (folder_.path() / "made").string();
    write("my", "[[expert]]\nname = '$(touch " + made + ")`touch " + made + "`x'");
    const std::string my = (folder_.path() / "my").string();
    EXPECT_THAT(offered({"sample", "--assistant", my, "--expert", ""}), HasSubstr("touch"));
    EXPECT_FALSE(std::filesystem::exists(made));
}

TEST(CompletionScript, EscapesDescriptionsForZsh) {
    const SampleProgram program;
    const std::string script = completion_zsh(program.tree());
    EXPECT_THAT(script, HasSubstr("'put:puts [files]: it'\\''s easy'"));
    EXPECT_THAT(script, HasSubstr("'(-k --kind)--kind=[red or it'\\''s blue]:NAME:(red blue)'"));
    EXPECT_THAT(script, HasSubstr("\n_sample_store_put() {"));
    EXPECT_THAT(script, HasSubstr("'*:FILE:_files'"));
    EXPECT_THAT(script, Not(HasSubstr("nobody")));
}

TEST(CompletionScript, EscapesDescriptionsForFish) {
    const SampleProgram program;
    const std::string script = completion_fish(program.tree());
    EXPECT_THAT(script, HasSubstr("-n '__sample_at \\'sample store put\\'' -s k -l kind -x -a "
                                  "'red blue' -d 'red or it\\'s blue'\n"));
    EXPECT_THAT(script, HasSubstr("-n '__sample_at \\'sample store put\\' any' -F\n"));
    EXPECT_THAT(script, Not(HasSubstr("nobody")));
}

}  // namespace
}  // namespace hexcore
