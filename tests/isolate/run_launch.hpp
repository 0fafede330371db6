#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/base/check.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// A folder for one test, removed with the object.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "isolate-XXXXXX").string();
        HEXCORE_CHECK(::mkdtemp(name.data()) != nullptr, "mkdtemp", 0);
        path_ = name;
    }
    ~ScratchFolder() { std::filesystem::remove_all(path_); }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Runs a launch as it is, without a cage, and says how it ended.
inline CageOutcome run_launch(const TestLaunch& launch) {
    const std::string file = (launch.command.scratch / "said").string();
    std::vector<std::string> words = launch.command.words;
    std::vector<std::string> variables = launch.command.environment;
    std::vector<char*> argv;
    std::vector<char*> environment;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    for (std::string& variable : variables) {
        environment.push_back(variable.data());
    }
    argv.push_back(nullptr);
    environment.push_back(nullptr);
    const std::string folder = launch.command.folder.string();
    const pid_t pid = ::fork();
    if (pid == 0) {
        const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(::open("/dev/null", O_RDONLY), 0);
        ::dup2(out, 1);
        ::dup2(out, 2);
        if (folder.empty() || ::chdir(folder.c_str()) == 0) {
            ::execvpe(argv.front(), argv.data(), environment.data());
        }
        ::_exit(127);
    }
    int status = 0;
    HEXCORE_CHECK(::waitpid(pid, &status, 0) == pid, pid, status);
    CageOutcome outcome;
    outcome.began = true;
    outcome.signalled = WIFSIGNALED(status);
    outcome.code = outcome.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    outcome.peak = 5_MiB;
    std::ifstream said(file, std::ios::binary);
    outcome.output_head.assign(std::istreambuf_iterator<char>(said), {});
    outcome.output_bytes = outcome.output_head.size();
    return outcome;
}

/// Runs one test of a suite alone, and judges it.
inline TestJudgement run_and_judge(const TestSuite& suite, const TestCase& test) {
    const ScratchFolder scratch;
    const CageOutcome outcome = run_launch(suite.launch(test, scratch.path()));
    return suite.judge(test, outcome, scratch.path());
}

/// The tests of a sample program, listed once.
template <typename Suite>
struct ListedSample {
    Suite suite;
    std::vector<TestCase> tests;

    explicit ListedSample(const char* program) : suite({program}) {
        auto listed = suite.list(nullptr);
        if (listed) {
            tests = *std::move(listed);
        } else {
            ADD_FAILURE() << listed.error().message;
        }
    }
    [[nodiscard]] const TestCase& test(const std::string& id) const {
        const auto found = std::ranges::find(tests, id, &TestCase::id);
        HEXCORE_CHECK(found != tests.end(), id, tests.size());
        return *found;
    }
    [[nodiscard]] TestJudgement judge(const std::string& id) const {
        return run_and_judge(suite, test(id));
    }
};

}  // namespace hexcore
