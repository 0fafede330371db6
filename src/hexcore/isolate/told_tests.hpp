#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hexcore/isolate/repeat_levels.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// A test of a process with several, or with several repeats of one, has begun or ended.
struct ToldTest {
    enum class Kind { begins, ends } kind = Kind::begins;
    std::string name;              ///< the framework's
    TestJudgement judgement = {};  ///< of `ends`
};

/// Reads, as it comes, what a program writes of its tests while they run.
class ToldTests {
public:
    ToldTests() = default;
    virtual ~ToldTests() = default;
    ToldTests(const ToldTests&) = delete;
    ToldTests& operator=(const ToldTests&) = delete;

    virtual void take(std::string_view text, std::vector<ToldTest>& told) = 0;
    /// What the test that runs now has written, or has been said of it.
    [[nodiscard]] virtual std::string output() const = 0;
};

/// What the listeners of integrations/cpp tell of the memory of a process
/// (docs/formats/test-levels.md). Any of it may be missing or wrong: a test may have written it.
class ToldLevels {
public:
    struct Levels {
        std::optional<Bytes> resident = {};
        std::vector<MemoryLevel> levels = {};
    };
    void take(std::string_view text);
    /// What was told first of the test's begin, or end, of what was not taken yet; nothing: it was
    /// not told.
    [[nodiscard]] std::optional<Levels> take_begin(const std::string& test);
    [[nodiscard]] std::optional<Levels> take_end(const std::string& test);

private:
    void take_line(std::string_view line);

    std::string unread_;
    using Queues = std::unordered_map<std::string, std::deque<Levels>>;
    [[nodiscard]] static std::optional<Levels> take_from(Queues& queues, const std::string& test);

    Queues begins_;  ///< by test, the first first
    Queues ends_;
};

}  // namespace hexcore
