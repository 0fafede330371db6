#include "hexcore/cli/test_flags.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <random>
#include <system_error>

#include "hexcore/base/parse_duration.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/cli/option_value.hpp"

namespace hexcore {
namespace {

constexpr std::chrono::minutes usual_timeout{30};

void add_choice(CLI::App& command, TestFlags& flags) {
    command
        .add_option("-E,--select", flags.filters,
                    "tests that this fits: a part of the name, a glob with *, /an expression/, "
                    "tag:x, =name, with not, and, or (repeatable: one of them)")
        ->option_text("EXPR")
        ->allow_extra_args(false);
    command.add_flag("--list", flags.list, "says which tests there are, and runs none");
    command
        .add_option("--config", flags.config,
                    "a hexcore.toml, or none (default: that of this folder or one around it)")
        ->option_text("FILE");
    command.add_flag("--rerun-failed", flags.rerun_failed, "those that failed when they last ran");
    command
        .add_option("--partition", flags.partition,
                    "the k-th of n parts of the tests, for machines that share them")
        ->option_text("K/N");
    command
        .add_option("--shuffle", flags.shuffle,
                    "in another order: a number that gives the same one again, or `random`")
        ->option_text("SEED");
}

void add_order(CLI::App& command, TestFlags& flags) {
    command
        .add_option("-j,--jobs", flags.slots,
                    "how many run at once, if there is memory for them (default: auto, one for "
                    "each core)")
        ->option_text("N");
    constexpr std::uint64_t most_retries = 100;
    command.add_option("--retries", flags.retries, "how often a test that fails is run again")
        ->check(whole_between(0, most_retries))
        ->option_text("N");
    command.add_flag("--fail-fast", flags.fail_fast, "begins no more tests after a failure");
    command
        .add_option("--timeout", flags.timeout,
                    "how long a test may take that says nothing else: 90s, 10min, none (default: "
                    "30min)")
        ->option_text("TIME");
    command
        .add_option("--grace", flags.grace,
                    "between SIGTERM and SIGKILL, for a test that is ended (default: 10s)")
        ->option_text("TIME");
    command.add_flag("--together", flags.together,
                     "all tests in one process, to see what they leave to each other (pytest, "
                     "GoogleTest, Catch2)");
    constexpr std::uint64_t most_repeats = 100'000;
    command
        .add_option("--repeat", flags.repeats,
                    "how often each test runs in its process, to see whether it leaks: 24 or more "
                    "tell (pytest, GoogleTest)")
        ->check(whole_between(1, most_repeats))
        ->option_text("N");
    command.add_flag("--no-stacks", flags.no_stacks,
                     "does not run a test of C++ once more that crashed, to see where");
}

void add_memory(CLI::App& command, TestFlags& flags) {
    command
        .add_option("--memory", flags.memory,
                    "main memory that all tests together may take (default: what is free)")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("--reserve", flags.reserve,
                    "main memory that stays free (default: a sixteenth, 1 GiB at most)")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("--wait", flags.wait,
                    "how long a test waits for memory that others hold (default: 2min)")
        ->option_text("TIME");
    command.add_flag("--allow-skip", flags.allow_skip,
                     "a test that waited in vain is skipped, and no failure");
    constexpr std::uint64_t most_processes = 4'000'000;
    command
        .add_option("--processes", flags.processes,
                    "processes and threads that a test may have at once (default: 4096)")
        ->check(whole_between(1, most_processes))
        ->option_text("N");
    command
        .add_option("--fail-on", flags.fail_on,
                    "what else is a failure: kept (memory that a test leaves in a process "
                    "that goes on), leak (more of it after each --repeat), residue (processes "
                    "and files; repeatable)")
        ->check(CLI::IsMember({"kept", "leak", "residue"}))
        ->option_text("WHAT")
        ->allow_extra_args(false);
    command.add_flag("--propose", flags.propose,
                     "budgets for hexcore.toml, by what tests took in earlier runs; runs none");
}

void add_reports(CLI::App& command, TestFlags& flags) {
    command.add_option("--junit", flags.junit, "writes the results as JUnit XML")
        ->option_text("FILE");
    command.add_option("--json", flags.json, "writes the results as JSON")->option_text("FILE");
    command.add_option("--html", flags.html, "writes the results as a page for a browser")
        ->option_text("FILE");
    command.add_option("--format", flags.format, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->option_text("NAME");
}

Result<std::optional<std::uint32_t>> read_slots(const std::string& text) {
    if (text.empty() || text == "auto") {
        return std::nullopt;
    }
    constexpr std::uint64_t most = 4096;
    const auto count = whole_number(text);
    if (!count || *count == 0 || *count > most) {
        return fail(ErrorCode::usage, "-j {} is neither `auto` nor a number from 1 to {}", text,
                    most);
    }
    return static_cast<std::uint32_t>(*count);
}

Result<TestConfig> read_config(const std::string& named) {
    if (named == "none") {
        return TestConfig{};
    }
    std::error_code error;
    const std::filesystem::path file = named.empty()
                                           ? find_test_config(std::filesystem::current_path(error))
                                           : std::filesystem::path(named);
    return file.empty() ? Result<TestConfig>(TestConfig{}) : read_test_config(file);
}

Result<std::optional<std::uint64_t>> read_seed(const std::string& text) {
    if (text.empty()) {
        return std::nullopt;
    }
    if (text == "random") {
        return std::random_device{}();
    }
    const auto seed = whole_number(text);
    if (!seed) {
        return fail(ErrorCode::usage, "--shuffle {} is neither `random` nor a whole number", text);
    }
    return *seed;
}

Result<std::optional<Bytes>> read_size(const std::string& text) {
    if (text.empty()) {
        return std::nullopt;
    }
    HEXCORE_TRY(size, parse_bytes(text));
    return size;
}

}  // namespace

void TestFlags::add_to(CLI::App& command) {
    add_choice(command, *this);
    add_order(command, *this);
    add_memory(command, *this);
    add_reports(command, *this);
    command.add_option("command", without_mark, "the command and its words, behind --")
        ->option_text("-- COMMAND");
}

Result<TestSettings> read_settings(const TestFlags& flags) {
    TestSettings settings;
    settings.selection.filters = flags.filters;
    settings.selection.failed_before = flags.rerun_failed;
    if (!flags.partition.empty()) {
        HEXCORE_TRY(partition, parse_partition(flags.partition));
        settings.selection.partition = partition;
    }
    HEXCORE_TRY(seed, read_seed(flags.shuffle));
    settings.selection.shuffle = seed;
    HEXCORE_TRY(config, read_config(flags.config));
    const RunDefaults& defaults = config.run;
    HEXCORE_TRY(slots, read_slots(flags.slots));
    settings.slots = slots;
    if (flags.slots.empty() && defaults.jobs.value_or(0) > 0) {
        settings.slots = defaults.jobs;
    }
    if (flags.timeout.empty()) {
        settings.timeout = defaults.timeout.value_or(usual_timeout);
    } else if (flags.timeout != "none") {
        HEXCORE_TRY(timeout, parse_duration(flags.timeout));
        settings.timeout = timeout;
    }
    settings.retries = flags.retries.value_or(defaults.retries.value_or(0));
    settings.fail_fast = flags.fail_fast.value_or(defaults.fail_fast.value_or(false));
    settings.allow_skip = flags.allow_skip.value_or(defaults.allow_skip.value_or(false));
    if (flags.repeats < 2 && std::ranges::find(flags.fail_on, "leak") != flags.fail_on.end()) {
        return fail(
            ErrorCode::usage,
            "--fail-on leak: a leak is what each of several repeats leaves; add --repeat 24");
    }
    settings.fail_on = flags.fail_on.empty() ? defaults.fail_on : flags.fail_on;
    settings.config = std::move(config);
    HEXCORE_TRY(grace, parse_duration(flags.grace));
    settings.grace = grace;
    HEXCORE_TRY(wait, parse_duration(flags.wait));
    settings.wait = wait;
    HEXCORE_TRY(memory, read_size(flags.memory));
    constexpr Bytes least_memory = 1_MiB;
    if (memory && *memory < least_memory) {
        return fail(ErrorCode::usage, "--memory {} is less than the {} that any test takes",
                    to_string(*memory), to_string(least_memory));
    }
    settings.memory = memory;
    HEXCORE_TRY(reserve, read_size(flags.reserve));
    settings.reserve = reserve;
    return settings;
}

}  // namespace hexcore
