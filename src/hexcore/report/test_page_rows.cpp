#include "hexcore/report/test_page_rows.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/page_data.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_listed = 8;  ///< owners, residues, tags, devices
constexpr std::size_t most_history = 12;

std::int64_t microseconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

/// Rounded, so that it reads as the bytes do.
std::int64_t kib_of(Bytes bytes) {
    return static_cast<std::int64_t>(bytes.count() / 1024 + (bytes.count() % 1024) / 512);
}

std::string cut(std::string_view text) { return shortened(text, page_name_max); }

/// The largest sample of each of so many parts of a curve, and the last one.
std::vector<MemorySample> thinned(const std::vector<MemorySample>& samples, std::size_t most) {
    if (samples.size() <= most) {
        return samples;
    }
    std::vector<MemorySample> kept;
    const std::size_t parts = most - 1;
    for (std::size_t part = 0; part < parts; ++part) {
        const auto from =
            samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * part / parts);
        const auto to =
            samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * (part + 1) / parts);
        kept.push_back(*std::max_element(
            from, to,
            [](const MemorySample& a, const MemorySample& b) { return a.bytes < b.bytes; }));
    }
    if (kept.back().time != samples.back().time) {
        kept.push_back(samples.back());
    }
    return kept;
}

Json page_breach(const Breach& breach) {
    Json owners = Json::array();
    for (std::size_t i = 0; i < std::min(breach.owners.size(), most_listed); ++i) {
        const MemoryOwner& owner = breach.owners[i];
        owners.push_back(
            {{"pid", owner.pid}, {"name", cut(owner.name)}, {"bytes", owner.bytes.count()}});
    }
    Json document{{"device", cut(breach.device)},
                  {"limit_bytes", breach.limit.count()},
                  {"used_bytes", breach.used.count()}};
    if (breach.requested) {
        document["requested_bytes"] = breach.requested->count();
    }
    document["owners"] = std::move(owners);
    return document;
}

Json page_residues(const std::vector<Residue>& residues) {
    Json list = Json::array();
    for (std::size_t i = 0; i < std::min(residues.size(), most_listed); ++i) {
        const Residue& residue = residues[i];
        list.push_back({{"kind", to_string(residue.kind)},
                        {"name", cut(residue.name)},
                        {"bytes", residue.bytes.count()},
                        {"pid", residue.pid},
                        {"gone", residue.is_gone}});
    }
    return list;
}

/// What only some attempts have.
void add_rare(Json& document, const Attempt& attempt, std::size_t longest_reason) {
    if (!attempt.reason.empty()) {
        document["reason"] = output_lines(attempt.reason).substr(0, longest_reason);
    }
    for (const DevicePeak& device : attempt.devices) {
        document["devices"].push_back(
            {{"name", cut(device.device)}, {"peak_bytes", device.peak.count()}});
    }
    if (attempt.alone) {
        document["alone"] = true;
    }
    if (attempt.breach) {
        document["breach"] = page_breach(*attempt.breach);
    }
    if (!attempt.residues.empty()) {
        document["residues"] = page_residues(attempt.residues);
    }
}

Json page_attempt(const Attempt& attempt, const PageShares& shares) {
    Json document{{"verdict", static_cast<int>(attempt.verdict)},
                  {"slot", attempt.slot},
                  {"start_us", microseconds_of(attempt.start)},
                  {"duration_us", microseconds_of(attempt.duration)},
                  {"peak_kib", kib_of(attempt.peak)}};
    const std::vector<MemorySample> samples = thinned(attempt.samples, shares.curve_points);
    if (!samples.empty()) {
        document["times_ms"] =
            differences(samples, [](const MemorySample& sample) { return sample.time.count(); });
        document["kib"] =
            differences(samples, [](const MemorySample& sample) { return kib_of(sample.bytes); });
    }
    add_rare(document, attempt, shares.reason_bytes);
    return document;
}

/// The budgets, what was learned, and runs before.
void add_claims(Json& document, const TestResult& result) {
    if (result.test.budget.memory) {
        document["budget_bytes"] = result.test.budget.memory->count();
    }
    if (result.learned && result.learned->host > Bytes()) {
        document["learned_bytes"] = result.learned->host.count();
    }
    for (const DeviceLimit& device : result.test.budget.devices) {
        document["devices"].push_back(
            {{"name", cut(device.device)}, {"budget_bytes", device.limit.count()}});
    }
    const auto newest = [](std::size_t size) { return size - std::min(size, most_history); };
    for (std::size_t i = newest(result.history.size()); i < result.history.size(); ++i) {
        document["history_kib"].push_back(kib_of(result.history[i]));
    }
    for (std::size_t i = newest(result.history_ms.size()); i < result.history_ms.size(); ++i) {
        document["history_ms"].push_back(
            static_cast<std::int64_t>(std::clamp(result.history_ms[i], 0.0, 1e12)));
    }
}

void add_source(Json& document, const TestCase& test) {
    if (!test.file.empty()) {
        document["file"] = cut(test.file);
        document["line"] = test.line;
    }
    if (test.timeout) {
        document["timeout_ms"] = test.timeout->count();
    }
    for (std::size_t i = 0; i < std::min(test.tags.size(), most_listed); ++i) {
        document["tags"].push_back(cut(test.tags[i]));
    }
}

}  // namespace

std::string page_group(const TestCase& test, Framework framework) {
    if (!test.group.empty()) {
        return cut(test.group);
    }
    if (framework == Framework::googletest) {
        return cut(std::string_view(test.id).substr(0, test.id.find('.')));
    }
    return cut(std::string_view(test.binary).substr(test.binary.rfind('/') + 1));
}

nlohmann::ordered_json page_row(const TestResult& result, std::size_t group,
                                const PageShares& shares) {
    Json document{{"id", cut(result.test.id)},
                  {"group", group},
                  {"verdict", static_cast<int>(result.verdict)}};
    if (result.memory != MemoryVerdict::clean) {
        document["memory"] = static_cast<int>(result.memory);
    }
    if (result.kept > Bytes()) {
        document["kept_bytes"] = result.kept.count();
    }
    const std::string& reason = !result.reason.empty() || result.attempts.empty()
                                    ? result.reason
                                    : result.attempts.back().reason;
    if (!reason.empty()) {
        const std::string lines = output_lines(reason);
        document["reason"] = cut(std::string_view(lines).substr(0, lines.find('\n')));
    }
    add_claims(document, result);
    add_source(document, result.test);
    for (const Attempt& attempt : result.attempts) {
        document["attempts"].push_back(page_attempt(attempt, shares));
    }
    return document;
}

}  // namespace hexcore
