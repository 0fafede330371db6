#include "hexcore/isolate/select_tests.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/isolate/test_filter.hpp"

namespace hexcore {
namespace {

bool failed_last(const TestCase& test, const TestHistory::Runs& history) {
    const auto runs = history.find(test.id);
    return runs != history.end() && !runs->second.empty() &&
           is_failure(runs->second.back().verdict);
}

bool has_any(const std::vector<std::string>& names, const std::set<std::string>& wanted) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return wanted.count(name) > 0; });
}

/// What sets up or cleans up a fixture that a meant test requires is meant, too, and so on.
void add_fixtures(const std::vector<TestCase>& tests, std::vector<bool>& is_meant) {
    std::set<std::string> required;
    bool grows = true;
    while (grows) {
        grows = false;
        for (std::size_t index = 0; index < tests.size(); ++index) {
            const TestCase& test = tests[index];
            if (!is_meant[index] && (has_any(test.fixtures_setup, required) ||
                                     has_any(test.fixtures_cleanup, required))) {
                is_meant[index] = true;
                grows = true;
            }
            if (is_meant[index]) {
                const std::size_t before = required.size();
                required.insert(test.fixtures_required.begin(), test.fixtures_required.end());
                grows = grows || required.size() > before;
            }
        }
    }
}

/// Those of this part among the meant ones: whole groups are dealt out one after the other.
void keep_part(const std::vector<TestCase>& tests, const Partition& partition,
               std::vector<bool>& is_meant) {
    std::map<std::string, std::uint32_t> part_of_group;
    std::uint32_t next = 0;
    for (std::size_t index = 0; index < tests.size(); ++index) {
        if (!is_meant[index]) {
            continue;
        }
        const std::string& group = tests[index].group;
        std::uint32_t part = next % partition.of;
        if (!group.empty()) {
            const auto [place, is_new] = part_of_group.emplace(group, part);
            part = place->second;
            next += is_new ? 1 : 0;
        } else {
            next += 1;
        }
        is_meant[index] = part + 1 == partition.part;
    }
}

/// The same order for the same seed with every standard library.
void shuffle(std::vector<TestCase>& tests, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::size_t left = tests.size(); left > 1; --left) {
        std::swap(tests[left - 1], tests[random() % left]);
    }
}

}  // namespace

Result<Partition> parse_partition(const std::string& text) {
    const std::size_t slash = text.find('/');
    if (slash != std::string::npos) {
        const auto part = whole_number(text.substr(0, slash));
        const auto of = whole_number(text.substr(slash + 1));
        constexpr std::uint64_t most = 1'000'000;
        if (part && of && *part >= 1 && *part <= *of && *of <= most) {
            return Partition{static_cast<std::uint32_t>(*part), static_cast<std::uint32_t>(*of)};
        }
    }
    return fail(ErrorCode::usage, "'{}' is no partition; write 1/3 for the first of three", text);
}

Result<std::vector<TestCase>> select_tests(std::vector<TestCase> tests, const Selection& selection,
                                           const TestHistory::Runs& history) {
    std::vector<TestFilter> filters;
    for (const std::string& text : selection.filters) {
        HEXCORE_TRY(filter, TestFilter::parse(text));
        filters.push_back(std::move(filter));
    }
    std::vector<bool> is_meant(tests.size());
    for (std::size_t index = 0; index < tests.size(); ++index) {
        const TestCase& test = tests[index];
        const bool fits = filters.empty() ||
                          std::any_of(filters.begin(), filters.end(),
                                      [&](const TestFilter& filter) { return filter.fits(test); });
        is_meant[index] = fits && (!selection.failed_before || failed_last(test, history));
    }
    if (selection.partition) {
        keep_part(tests, *selection.partition, is_meant);
    }
    add_fixtures(tests, is_meant);
    std::vector<TestCase> selected;
    for (std::size_t index = 0; index < tests.size(); ++index) {
        if (is_meant[index]) {
            selected.push_back(std::move(tests[index]));
        }
    }
    if (selection.shuffle) {
        shuffle(selected, *selection.shuffle);
    }
    return selected;
}

}  // namespace hexcore
