#include "hexcore/isolate/test_config.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/parse_duration.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/base/text_file.hpp"
#include "hexcore/isolate/test_tags.hpp"

namespace hexcore {
namespace {

/// Reads values of one file, whose name every message begins with.
class ConfigReader {
public:
    explicit ConfigReader(std::string name) : name_(std::move(name)) {}

    Result<TestConfig> read(const toml::table& root) const {
        TestConfig config;
        for (const auto& [key, value] : root) {
            if (key.str() == "run" && value.is_table()) {
                HEXCORE_TRY(run, read_run(*value.as_table()));
                config.run = std::move(run);
            } else if (key.str() == "test" && value.is_array_of_tables()) {
                for (const toml::node& rule : *value.as_array()) {
                    HEXCORE_TRY(read, read_rule(*rule.as_table()));
                    config.rules.push_back(std::move(read));
                }
            } else {
                return wrong(key.source(), key.str(),
                             "is neither `[run]` nor a list of rules, `[[test]]`");
            }
        }
        return config;
    }

    [[nodiscard]] tl::unexpected<Error> wrong(const toml::source_region& place,
                                              std::string_view key, std::string_view what) const {
        return fail(ErrorCode::bad_input, "{}, line {}: {} {}", printable(name_), place.begin.line,
                    printable(key), what);
    }

private:
    Result<RunDefaults> read_run(const toml::table& table) const {
        RunDefaults run;
        for (const auto& [key, value] : table) {
            const std::string_view name = key.str();
            if (name == "jobs") {
                HEXCORE_TRY(jobs, read_jobs(value));
                run.jobs = jobs;
            } else if (name == "retries") {
                HEXCORE_TRY(retries, read_count(name, value, 0));
                run.retries = retries;
            } else if (name == "timeout") {
                HEXCORE_TRY(timeout, read_time(name, value));
                run.timeout = timeout;
            } else if (name == "fail_fast") {
                HEXCORE_TRY(is_set, read_flag(name, value));
                run.fail_fast = is_set;
            } else if (name == "allow_skip") {
                HEXCORE_TRY(is_set, read_flag(name, value));
                run.allow_skip = is_set;
            } else if (name == "fail_on") {
                HEXCORE_TRY(list, read_fail_on(value));
                run.fail_on = std::move(list);
            } else {
                return wrong(key.source(), name,
                             "is unknown in [run], which has jobs, timeout, retries, fail_fast, "
                             "allow_skip and fail_on");
            }
        }
        return run;
    }

    Result<TestRule> read_rule(const toml::table& table) const {
        const toml::node* expression = table.get("filter");
        if (expression == nullptr) {
            return wrong(table.source(), "[[test]]", "has no filter, which says for which tests");
        }
        HEXCORE_TRY(text, read_text_value("filter", *expression));
        auto filter = TestFilter::parse(text);
        if (!filter) {
            return wrong(expression->source(), "filter:", filter.error().message);
        }
        TestRule rule{.filter = *std::move(filter)};
        for (const auto& [key, value] : table) {
            if (key.str() != "filter") {
                HEXCORE_TRY_VOID(read_setting(rule, key, value));
            }
        }
        const bool has_budget = rule.budget.memory || !rule.budget.devices.empty();
        if (has_budget && rule.isolated == false) {
            return wrong(
                table.get("isolated")->source(), "isolated",
                "cannot be false beside a budget, which is of a process of the test's own");
        }
        return rule;
    }

    Result<void> read_setting(TestRule& rule, const toml::key& key, const toml::node& value) const {
        const std::string_view name = key.str();
        if (name == "memory") {
            HEXCORE_TRY(size, read_size(name, value));
            rule.budget.memory = size;
        } else if (name == "device") {
            return read_devices(rule, value);
        } else if (name == "timeout") {
            HEXCORE_TRY(time, read_time(name, value));
            rule.timeout = time;
        } else if (name == "group") {
            HEXCORE_TRY(group, read_text_value(name, value));
            rule.group = std::move(group);
        } else if (name == "isolated") {
            HEXCORE_TRY(is_set, read_flag(name, value));
            rule.isolated = is_set;
        } else {
            return wrong(key.source(), name,
                         "is unknown in a [[test]], which has filter, memory, device, timeout, "
                         "group and isolated");
        }
        return {};
    }

    Result<void> read_devices(TestRule& rule, const toml::node& value) const {
        const toml::table* table = value.as_table();
        if (table == nullptr) {
            return wrong(value.source(), "device", "is a table: { cuda0 = \"4GiB\" }");
        }
        for (const auto& [key, size] : *table) {
            std::string device(key.str());
            constexpr std::string_view cuda = "cuda";
            if (device.starts_with(cuda) && device.size() > cuda.size() &&
                device.find_first_not_of("0123456789", cuda.size()) == std::string::npos) {
                device = fmt::format("cuda:{}", key.str().substr(cuda.size()));
            }
            HEXCORE_TRY(limit, read_size("device." + std::string(key.str()), size));
            set_limit(rule.budget, {std::move(device), limit});
        }
        return {};
    }

    Result<std::string> read_text_value(std::string_view key, const toml::node& value) const {
        const auto text = value.value_exact<std::string>();
        if (!text) {
            return wrong(value.source(), key, "is text, in quotes");
        }
        return *text;
    }
    Result<Bytes> read_size(std::string_view key, const toml::node& value) const {
        if (const auto count = value.value_exact<std::int64_t>(); count && *count >= 0) {
            return Bytes(static_cast<std::uint64_t>(*count));
        }
        HEXCORE_TRY(text, read_text_value(key, value));
        const auto size = parse_bytes(text);
        if (!size) {
            return wrong(value.source(), std::string(key) + ":", size.error().message);
        }
        return *size;
    }
    Result<std::chrono::milliseconds> read_time(std::string_view key,
                                                const toml::node& value) const {
        HEXCORE_TRY(text, read_text_value(key, value));
        const auto time = parse_duration(text);
        if (!time) {
            return wrong(value.source(), std::string(key) + ":", time.error().message);
        }
        return *time;
    }
    Result<bool> read_flag(std::string_view key, const toml::node& value) const {
        const auto is_set = value.value_exact<bool>();
        if (!is_set) {
            return wrong(value.source(), key, "is true or false");
        }
        return *is_set;
    }
    Result<std::uint32_t> read_count(std::string_view key, const toml::node& value,
                                     std::int64_t least) const {
        constexpr std::int64_t most = 100'000;
        const auto count = value.value_exact<std::int64_t>();
        if (!count || *count < least || *count > most) {
            return wrong(value.source(), key,
                         fmt::format("is a whole number from {} to {}", least, most));
        }
        return static_cast<std::uint32_t>(*count);
    }
    Result<std::uint32_t> read_jobs(const toml::node& value) const {
        return value.value_exact<std::string>() == "auto" ? Result<std::uint32_t>(0U)
                                                          : read_count("jobs", value, 1);
    }
    Result<std::vector<std::string>> read_fail_on(const toml::node& value) const {
        std::vector<std::string> list;
        const toml::array* array = value.as_array();
        bool good = array != nullptr;
        for (std::size_t i = 0; good && i < array->size(); ++i) {
            list.push_back((*array)[i].value_exact<std::string>().value_or(""));
            const std::string& what = list.back();
            good = what == "kept" || what == "leak" || what == "residue";
        }
        if (!good) {
            return wrong(value.source(), "fail_on",
                         "is a list of \"kept\", \"leak\" and \"residue\"");
        }
        return list;
    }

    std::string name_;
};

}  // namespace

void TestConfig::apply(std::vector<TestCase>& tests) const {
    for (TestCase& test : tests) {
        bool keeps_budget = false;
        for (const TestRule& rule : rules) {
            if (!rule.filter.fits(test)) {
                continue;
            }
            test.budget.memory = rule.budget.memory ? rule.budget.memory : test.budget.memory;
            for (const DeviceLimit& limit : rule.budget.devices) {
                set_limit(test.budget, limit);
            }
            test.timeout = rule.timeout ? rule.timeout : test.timeout;
            test.group = rule.group.value_or(test.group);
            // What others in its process hold would be held to its budget.
            const bool has_budget = rule.budget.memory || !rule.budget.devices.empty();
            test.isolated = has_budget || rule.isolated.value_or(test.isolated);
            keeps_budget = keeps_budget || has_budget;
        }
        test.isolated = test.isolated || keeps_budget;
    }
}

Result<TestConfig> parse_test_config(const std::string& text, const std::string& name) {
    const ConfigReader reader(name);
    try {
        return reader.read(toml::parse(text));
    } catch (const toml::parse_error& error) {
        return reader.wrong(error.source(), "this is no TOML:", error.description());
    }
}

Result<TestConfig> read_test_config(const std::filesystem::path& file) {
    HEXCORE_TRY(text, read_text_file(file.string(), file.string()));
    HEXCORE_TRY(config, parse_test_config(text, file.string()));
    config.file = file;
    return config;
}

std::filesystem::path find_test_config(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::path at = std::filesystem::absolute(folder, error).lexically_normal();
    while (!error && !at.empty()) {
        if (std::filesystem::is_regular_file(at / "hexcore.toml", error)) {
            return at / "hexcore.toml";
        }
        if (std::filesystem::exists(at / ".git", error) || at == at.parent_path()) {
            break;
        }
        at = at.parent_path();
        error.clear();
    }
    return {};
}

}  // namespace hexcore
