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

/// What bash would offer for the words of a line, the last of which is being written.
std::string offered_by_bash(const std::vector<std::string>& words) {
    const SampleProgram program;
    const test::TempFolder folder;
    const auto path = folder.path() / "try.bash";
    std::string list;
    std::string line;
    for (const std::string& word : words) {
        list += " " + shell_quoted(word);
        line += (line.empty() ? "" : " ") + word;
    }
    std::ofstream(path) << completion_bash(program.tree())
                        << fmt::format(
                               "compopt() {{ COMPREPLY=(\"compopt $*\"); }}\n"
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
