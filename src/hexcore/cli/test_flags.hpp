#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/isolate/select_tests.hpp"
#include "hexcore/isolate/test_config.hpp"

namespace CLI {
class App;
}

namespace hexcore {

/// The options of `hexcore test`, as they are typed.
struct TestFlags {
    std::vector<std::string> filters;
    std::string slots;  ///< empty, as all below: not given
    std::optional<std::uint32_t> retries;
    std::string timeout;
    std::string grace = "10s";
    std::string wait = "2min";
    std::string memory;
    std::string reserve;
    std::uint32_t processes = 4096;
    std::optional<bool> fail_fast;
    std::string config;  ///< a hexcore.toml; `none`: none
    std::string shuffle;
    std::string partition;
    bool list = false;
    bool rerun_failed = false;
    bool together = false;
    std::uint32_t repeats = 1;
    bool no_stacks = false;
    std::optional<bool> allow_skip;
    std::vector<std::string> fail_on;
    bool propose = false;
    std::string junit;
    std::string json;
    std::string html;
    std::string format = "text";
    std::vector<std::string> without_mark;  ///< words of a command that no `--` stands before

    void add_to(CLI::App& command);
};

/// What they mean.
struct TestSettings {
    Selection selection = {};
    std::optional<std::uint32_t> slots = {};  ///< nothing: as many as there are cores
    std::uint32_t retries = 0;
    std::chrono::milliseconds timeout{};  ///< 0: none
    std::chrono::milliseconds grace{};
    std::chrono::milliseconds wait{};
    std::optional<Bytes> memory = {};
    std::optional<Bytes> reserve = {};
    bool fail_fast = false;
    bool allow_skip = false;
    std::vector<std::string> fail_on = {};
    TestConfig config = {};
};

/// With what hexcore.toml says where an option is not given. Fails with ErrorCode::usage where one
/// cannot be read, and with bad_input for such a file.
[[nodiscard]] Result<TestSettings> read_settings(const TestFlags& flags);

}  // namespace hexcore
