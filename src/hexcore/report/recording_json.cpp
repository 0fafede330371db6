#include "hexcore/report/recording_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/repeats_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

double recorded_ms(std::chrono::microseconds time) {
    return static_cast<double>(time.count()) / 1e3;
}

Json parts_json(const std::vector<FoundPart>& parts) {
    Json list = Json::array();
    for (const FoundPart& part : parts) {
        list.push_back(
            {{"pid", part.pid}, {"command", part.command}, {"bytes", part.bytes.count()}});
    }
    return list;
}

const char* kind_key(HolderKind kind) {
    switch (kind) {
        case HolderKind::ledger:
            return "ledger";
        case HolderKind::pytorch:
            return "pytorch";
        case HolderKind::cupy:
            return "cupy";
        case HolderKind::jax:
            return "jax";
        case HolderKind::program:
            return "program";
    }
    return "";
}

Json holdings_json(const std::vector<FoundHolding>& holdings) {
    Json list = Json::array();
    for (const FoundHolding& holding : holdings) {
        list.push_back({{"holder", kind_key(holding.kind)},
                        {"name", holding.name},
                        {"bytes", holding.bytes.count()}});
    }
    return list;
}

/// The keys of what programs told of themselves.
void add_told(Json& document, const WatchFindings& findings) {
    document["holders"] = Json::array();
    for (const FoundHolder& holder : findings.holders) {
        document["holders"].push_back({{"pid", holder.pid},
                                       {"kind", kind_key(holder.kind)},
                                       {"device", holder.device},
                                       {"total_bytes", holder.total.count()},
                                       {"peak_bytes", holder.peak.count()},
                                       {"peak_at_ms", recorded_ms(holder.peak_at)},
                                       {"last_bytes", holder.last.count()}});
    }
    document["labels"] = Json::array();
    for (const FoundLabel& label : findings.labels) {
        document["labels"].push_back({{"pid", label.pid},
                                      {"name", label.name},
                                      {"count", label.count},
                                      {"first_ms", recorded_ms(label.first)},
                                      {"last_ms", recorded_ms(label.last)}});
    }
    document["marks"] = Json::array();
    for (const FoundMark& mark : findings.marks) {
        document["marks"].push_back(
            {{"time_ms", recorded_ms(mark.time)}, {"pid", mark.pid}, {"name", mark.name}});
    }
    document["lost_records"] = findings.lost_records;
}

Json growth_json(const Growth& growth) {
    return {{"verdict", to_string(growth.verdict)},
            {"bytes_per_s", growth.bytes_per_s},
            {"bytes_per_s_least", growth.bytes_per_s_least},
            {"bytes_per_s_most", growth.bytes_per_s_most},
            {"warm_up_ms", recorded_ms(growth.warm_up)},
            {"why", growth.why.empty() ? Json(nullptr) : Json(growth.why)},
            {"repeated_label", growth.label.empty() ? Json(nullptr) : Json(growth.label)},
            {"bytes_per_repeat", growth.bytes_per_repeat}};
}

Json device_json(const DeviceFindings& found, bool budget_is_known) {
    return {
        {"name", found.device.name},
        {"kind", to_string(found.device.kind)},
        {"description", found.device.description},
        {"total_bytes", found.device.total.count()},
        {"peak_bytes", found.peak.count()},
        {"peak_at_ms", recorded_ms(found.peak_at)},
        {"peak_label", found.peak_label},
        {"peak_by", found.peak_sampled ? "sample" : "high_water_mark"},
        {"peak_processes", parts_json(found.parts)},
        {"peak_others_bytes", found.others.count()},
        {"peak_holdings", holdings_json(found.holdings)},
        {"peak_outside_bytes",
         found.holdings.empty() ? Json() : Json(found.outside_holdings().count())},
        {"least_free_bytes", bytes_or_null(found.least_free)},
        {"least_free_at_ms", found.least_free ? Json(recorded_ms(found.least_free_at)) : Json()},
        {"budget_bytes", budget_is_known ? Json(found.budget().count()) : Json()},
        {"samples", found.n_rows},
        {"growth", growth_json(found.growth)}};
}

Json counted_once_json(const CountedOnceFindings& found) {
    return {{"peak_bytes", found.most.once.count()},
            {"peak_at_ms", recorded_ms(found.most.time)},
            {"resident_bytes", found.most.resident.count()},
            {"processes", found.most.n_processes},
            {"looks", found.n_looks}};
}

const char* killer_name(KilledBy killer) {
    return killer == KilledBy::cgroup ? "cgroup" : "oom_killer";
}

/// The keys of how it ended and what that took.
void add_end(Json& document, const WatchFindings& findings) {
    const auto& end = findings.end;
    const bool is_known = end && end->ending == RecordedEnding::known;
    document["ending"] = end ? Json(to_string(end->ending)) : Json();
    document["exit"] = is_known ? Json(end->signalled ? 128 + end->code : end->code) : Json();
    document["signal"] = end && end->signalled ? Json(end->code) : Json();
    document["killed_by"] =
        end && end->killed_by != KilledBy::unknown ? Json(killer_name(end->killed_by)) : Json();
}

Json cost_json(const RecordedEnd& end) {
    const double ms = std::max(recorded_ms(end.time), 1e-3);
    return {{"cpu_ms", recorded_ms(end.cost)},
            {"share_of_core_ratio", recorded_ms(end.cost) / ms},
            {"memory_bytes", end.own_memory.count()}};
}

}  // namespace

Json recording_json(const WatchFindings& findings) {
    const auto& end = findings.end;
    Json document{{"schema", "hexcore.recording/1"}, {"command", findings.run.command}};
    document["attached_pid"] =
        findings.run.attached_pid != 0 ? Json(findings.run.attached_pid) : Json();
    add_end(document, findings);
    document["started_unix_ms"] = findings.run.started_unix_ms;
    document["duration_ms"] = recorded_ms(findings.duration);
    document["devices"] = Json::array();
    for (const DeviceFindings& found : findings.devices) {
        document["devices"].push_back(device_json(found, !findings.killed_for_memory()));
    }
    document["counted_once"] =
        findings.counted_once ? counted_once_json(*findings.counted_once) : Json();
    document["repeats"] = repeats_json(findings.repeats);
    document["processes"] = Json::array();
    for (const ProcessFindings& process : findings.processes) {
        document["processes"].push_back({{"pid", process.peak.pid},
                                         {"command", process.peak.command},
                                         {"peak_bytes", process.peak.bytes.count()},
                                         {"first_ms", recorded_ms(process.first)},
                                         {"last_ms", recorded_ms(process.last)}});
    }
    document["processes_watched"] = end ? Json(end->processes) : Json();
    document["processes_missed"] = end ? Json(end->missed) : Json();
    add_told(document, findings);
    document["cost"] = end ? cost_json(*end) : Json();
    document["precision"] = {{"interval_ms", recorded_ms(findings.run.interval)},
                             {"gpu_interval_ms", recorded_ms(findings.run.gpu_interval)},
                             {"thinned_to_ms", recorded_ms(findings.thinned)}};
    document["unreadable_bytes"] = findings.unreadable_bytes;
    document["notes"] = Json::array();
    if (end && !end->notes.empty()) {
        document["notes"].push_back(end->notes);
    }
    return document;
}

}  // namespace hexcore
