#include "hexcore/report/test_page_rows.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/device/device_entry.hpp"
#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/page_data.hpp"
#include "hexcore/report/test_findings.hpp"
#include "hexcore/report/test_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_listed = 8;  ///< owners, residues, tags, devices
constexpr std::size_t most_history = 12;
constexpr std::size_t most_page_frames = 24;

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

Json page_breach(Breach breach) {
    breach.device = cut(breach.device);
    breach.owners.resize(std::min(breach.owners.size(), most_listed));
    for (MemoryOwner& owner : breach.owners) {
        owner.name = cut(owner.name);
    }
    return breach_json(breach);
}

Json page_residues(std::vector<Residue> residues) {
    residues.resize(std::min(residues.size(), most_listed));
    for (Residue& residue : residues) {
        residue.name = cut(residue.name);
    }
    return residues_json(residues);
}

Json page_stack(CrashStack stack) {
    stack.frames.resize(std::min(stack.frames.size(), most_page_frames));
    for (CrashStack::Frame& frame : stack.frames) {
        frame.name = cut(frame.name);
    }
    stack.note = cut(stack.note);
    return stack_json(stack);
}

Json page_growth(std::vector<DeviceGrowth> growth) {
    growth.resize(std::min(growth.size(), most_listed));
    for (DeviceGrowth& device : growth) {
        device.device = cut(device.device);
        device.judgement.why = cut(device.judgement.why);
    }
    return growth_json(growth);
}

void add_curve(Json& document, const std::vector<MemorySample>& all, std::size_t most_points) {
    const std::vector<MemorySample> samples = thinned(all, most_points);
    if (!samples.empty()) {
        document["times_ms"] =
            differences(samples, [](const MemorySample& sample) { return sample.time.count(); });
        document["kib"] =
            differences(samples, [](const MemorySample& sample) { return kib_of(sample.bytes); });
    }
}

/// What only some attempts have.
void add_rare(Json& document, const Attempt& attempt, const PageShares& shares) {
    if (!attempt.reason.empty()) {
        document["reason"] = output_lines(attempt.reason).substr(0, shares.reason_bytes);
    }
    for (std::size_t i = 0; i < std::min(attempt.devices.size(), most_listed); ++i) {
        const DeviceUse& device = attempt.devices[i];
        Json use{{"name", cut(device.device)}, {"peak_kib", kib_of(device.peak)}};
        add_curve(use, device.samples, shares.curve_points);
        document["devices"].push_back(std::move(use));
    }
    if (attempt.alone) {
        document["alone"] = true;
    }
    if (attempt.breach) {
        document["breach"] = page_breach(*attempt.breach);
    }
    if (!attempt.stack.is_empty()) {
        document["stack"] = page_stack(attempt.stack);
    }
    if (!attempt.growth.empty()) {
        document["growth"] = page_growth(attempt.growth);
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
    add_curve(document, attempt.samples, shares.curve_points);
    add_rare(document, attempt, shares);
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
    const std::size_t first = result.history.size() - std::min(result.history.size(), most_history);
    for (std::size_t i = first; i < result.history.size(); ++i) {
        const PastRun& run = result.history[i];
        document["history_kib"].push_back(kib_of(run.host));
        document["history_ms"].push_back(
            static_cast<std::int64_t>(std::clamp(run.duration_ms, 0.0, 1e12)));
    }
}

/// The same of each device that it may use, uses or has used.
void add_device_claims(Json& document, const TestResult& result) {
    struct DeviceClaim {
        std::string device;
        Json claim = {};
    };
    std::vector<DeviceClaim> claims;
    for (const DeviceLimit& device : result.test.budget.devices) {
        entry_of(claims, device.device).claim["budget_bytes"] = device.limit.count();
    }
    if (result.learned) {
        for (const DeviceLimit& device : result.learned->devices) {
            entry_of(claims, device.device).claim["learned_bytes"] = device.limit.count();
        }
    }
    const std::size_t first = result.history.size() - std::min(result.history.size(), most_history);
    for (std::size_t i = first; i < result.history.size(); ++i) {
        for (const DeviceLimit& device : result.history[i].devices) {
            Json& history = entry_of(claims, device.device).claim["history_kib"];
            if (history.empty()) {  // it had none of it in runs that do not name it
                history = std::vector<int>(result.history.size() - first);
            }
            history[i - first] = kib_of(device.limit);
        }
    }
    claims.resize(std::min(claims.size(), most_listed));
    for (DeviceClaim& claim : claims) {
        Json named{{"name", cut(claim.device)}};
        named.update(claim.claim);
        document["devices"].push_back(std::move(named));
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
    if (const std::string line = left_by_line(result); !line.empty()) {
        document["left_by"] = cut(line);
    }
    const std::string& reason = !result.reason.empty() || result.attempts.empty()
                                    ? result.reason
                                    : result.attempts.back().reason;
    if (!reason.empty()) {
        const std::string lines = output_lines(reason);
        document["reason"] = cut(std::string_view(lines).substr(0, lines.find('\n')));
    }
    add_claims(document, result);
    add_device_claims(document, result);
    add_source(document, result.test);
    for (const Attempt& attempt : result.attempts) {
        document["attempts"].push_back(page_attempt(attempt, shares));
    }
    return document;
}

}  // namespace hexcore
