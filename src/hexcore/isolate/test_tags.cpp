#include "hexcore/isolate/test_tags.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "hexcore/base/parse_duration.hpp"

namespace hexcore {
namespace {

tl::unexpected<Error> of_test(const TestCase& test, Error error) {
    error.message = "test " + test.id + ": " + error.message;
    return tl::unexpected(std::move(error));
}

}  // namespace

Result<DeviceLimit> parse_device_limit(std::string_view text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string_view::npos || equals == 0) {
        return fail(ErrorCode::usage, "'{}' is no budget of a device; write cuda:0=4GiB", text);
    }
    HEXCORE_TRY(limit, parse_bytes(text.substr(equals + 1)));
    return DeviceLimit{std::string(text.substr(0, equals)), limit};
}

void set_limit(TestBudget& budget, DeviceLimit limit) {
    std::erase_if(budget.devices,
                  [&](const DeviceLimit& other) { return other.device == limit.device; });
    budget.devices.push_back(std::move(limit));
}

Result<void> take_setting(TestCase& test, std::string_view name, std::string_view value) {
    if (name == "memory") {
        const auto limit = parse_bytes(value);
        if (!limit) {
            return of_test(test, limit.error());
        }
        test.budget.memory = *limit;
    } else if (name == "device") {
        auto limit = parse_device_limit(value);
        if (!limit) {
            return of_test(test, limit.error());
        }
        set_limit(test.budget, *std::move(limit));
    } else if (name == "timeout") {
        const auto time = parse_duration(value);
        if (!time) {
            return of_test(test, time.error());
        }
        test.timeout = *time;
    }
    return {};
}

Result<void> take_tag(TestCase& test, std::string_view tag) {
    if (tag == "isolated") {
        test.isolated = true;
        return {};
    }
    const std::size_t colon = tag.find(':');
    if (colon == std::string_view::npos) {
        return {};
    }
    return take_setting(test, tag.substr(0, colon), tag.substr(colon + 1));
}

}  // namespace hexcore
