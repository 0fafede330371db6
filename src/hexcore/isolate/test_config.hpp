#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_case.hpp"
#include "hexcore/isolate/test_filter.hpp"

namespace hexcore {

/// What `[run]` says, for options that are not given.
struct RunDefaults {
    std::optional<std::uint32_t> jobs = {};  ///< 0: auto
    std::optional<std::chrono::milliseconds> timeout = {};
    std::optional<std::uint32_t> retries = {};
    std::optional<bool> fail_fast = {};
    std::optional<bool> allow_skip = {};
    std::vector<std::string> fail_on = {};  ///< "kept", "residue"
};

/// A `[[test]]`: what it sets for the tests that it fits.
struct TestRule {
    TestFilter filter;
    TestBudget budget = {};
    std::optional<std::chrono::milliseconds> timeout = {};
    std::optional<std::string> group = {};
    std::optional<bool> isolated = {};
};

/// A hexcore.toml (docs/formats/hexcore-toml.md).
struct TestConfig {
    std::filesystem::path file = {};  ///< empty: there is none
    RunDefaults run = {};
    std::vector<TestRule> rules = {};

    /// Sets for each test what rules say, the last that fits first.
    void apply(std::vector<TestCase>& tests) const;
};

/// Reads a file. Fails with ErrorCode::bad_input for what it cannot mean, with file, line and key.
[[nodiscard]] Result<TestConfig> read_test_config(const std::filesystem::path& file);
/// The same of a text, which messages call `name`.
[[nodiscard]] Result<TestConfig> parse_test_config(const std::string& text,
                                                   const std::string& name);

/// The hexcore.toml of `folder` or of the nearest around it, up to one with a .git; empty: none.
[[nodiscard]] std::filesystem::path find_test_config(const std::filesystem::path& folder);

}  // namespace hexcore
