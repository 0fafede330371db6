#include "hexcore/isolate/propose_budgets.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace hexcore {
namespace {

/// Budgets of what has less would be in everybody's way.
constexpr Bytes a_lot = 64_MiB;

/// What it took and half of that, so that a test may grow a little before somebody has to look.
std::string budget_for(Bytes largest) {
    const Bytes step = largest < 1_GiB ? 16_MiB : 256_MiB;
    const Bytes budget = round_up(largest + Bytes(largest.count() / 2), step);
    return fmt::format("{}MiB", budget.count() / (1_MiB).count());
}

/// `="..."`: exactly this id.
std::string filter_of(const std::string& id) {
    std::string filter = "=\"";
    for (const char character : id) {
        if (character == '"' || character == '\\') {
            filter += '\\';
        }
        filter += character;
    }
    return filter + '"';
}

}  // namespace

std::string proposed_budgets(const std::vector<TestCase>& tests, const TestHistory::Runs& history) {
    toml::array rules;
    for (const TestCase& test : tests) {
        const auto runs = history.find(test.id);
        if (runs == history.end() || test.budget.memory || !test.budget.devices.empty()) {
            continue;
        }
        Bytes host;
        std::map<std::string, Bytes> devices;
        for (const PastRun& run : runs->second) {
            host = std::max(host, run.host);
            for (const DeviceLimit& device : run.devices) {
                devices[device.device] = std::max(devices[device.device], device.limit);
            }
        }
        std::erase_if(devices, [](const auto& device) { return device.second == Bytes{}; });
        if (host < a_lot && devices.empty()) {
            continue;
        }
        toml::table rule{{"filter", filter_of(test.id)}, {"memory", budget_for(host)}};
        if (!devices.empty()) {
            toml::table limits;
            for (const auto& [device, bytes] : devices) {
                limits.insert(device, budget_for(bytes));
            }
            limits.is_inline(true);
            rule.insert("device", std::move(limits));
        }
        rules.push_back(std::move(rule));
    }
    if (rules.empty()) {
        return "";
    }
    std::ostringstream text;
    text << toml::table{{"test", std::move(rules)}} << '\n';
    return text.str();
}

}  // namespace hexcore
