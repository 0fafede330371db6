#include "hexcore/report/reset_report.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

std::string in_words(std::chrono::microseconds time) { return duration_text(in_seconds(time)); }

std::string size_or_unknown(std::optional<Bytes> size) {
    return size ? to_string(*size) : "not known";
}

std::string holder_text(const ResetHolder& holder) {
    return fmt::format("{}{} (pid {})", holder.bytes ? to_string(*holder.bytes) + " by " : "",
                       holder.command.empty() ? "a process" : holder.command, holder.pid);
}

std::string why_not(const ResetMemory& memory) {
    if (memory.after.accounted.value_or(Bytes()) > Bytes()) {
        return fmt::format("{} of {} are still accounted", to_string(*memory.after.accounted),
                           memory.name);
    }
    std::vector<std::string> holders;
    std::transform(memory.holders.begin(), memory.holders.end(), std::back_inserter(holders),
                   holder_text);
    return fmt::format(
        "{} has {} more in use than the {} before the load, where {} may be, after {}; {}",
        memory.name,
        to_string(saturating_subtract(memory.after.measured.value_or(Bytes()), memory.baseline)),
        to_string(memory.baseline), to_string(memory.tolerance), in_words(memory.waited),
        holders.empty() ? "who holds it cannot be seen from here"
                        : fmt::format("held: {}", fmt::join(holders, "; ")));
}

Json look_json(const MemoryLook& look) {
    return {{"accounted_bytes", bytes_or_null(look.accounted)},
            {"measured_bytes", bytes_or_null(look.measured)}};
}

Json memory_json(const ResetMemory& memory) {
    Json holders = Json::array();
    for (const ResetHolder& holder : memory.holders) {
        holders.push_back(
            {{"pid", holder.pid},
             {"command", holder.command.empty() ? Json(nullptr) : Json(holder.command)},
             {"bytes", bytes_or_null(holder.bytes)}});
    }
    return {{"name", memory.name},
            {"clean", memory.clean()},
            {"peak_bytes", bytes_or_null(memory.peak)},
            {"before", look_json(memory.before)},
            {"after", look_json(memory.after)},
            {"measured_by", memory.after.measured ? Json(to_string(memory.measured_by)) : Json()},
            {"baseline_bytes", memory.baseline.count()},
            {"tolerance_bytes", memory.tolerance.count()},
            {"kept_bytes", memory.kept.count()},
            {"waited_ms", in_milliseconds(memory.waited)},
            {"holders", std::move(holders)}};
}

const char* is_back(const ResetMemory& memory) {
    if (!memory.clean()) {
        return "NO";
    }
    return memory.after.measured ? "yes" : "by books";
}

void add_row(TextTable& table, const ResetMemory& memory, const std::string& name,
             const std::string& escape) {
    table.add_row(
        {name, size_or_unknown(memory.peak), size_or_unknown(memory.before.measured),
         size_or_unknown(memory.after.measured), to_string(memory.baseline + memory.tolerance),
         in_words(memory.waited), is_back(memory)},
        escape);
}

}  // namespace

bool ResetMemory::clean() const {
    return after.accounted.value_or(Bytes()) == Bytes() &&
           after.measured.value_or(Bytes()) <= baseline + tolerance;
}

bool ResetReport::clean() const {
    return host.clean() && std::all_of(devices.begin(), devices.end(),
                                       [](const ResetMemory& device) { return device.clean(); });
}

std::vector<std::string> ResetReport::why() const {
    std::vector<std::string> sentences;
    for (const ResetMemory& device : devices) {
        if (!device.clean()) {
            sentences.push_back(why_not(device));
        }
    }
    if (!host.clean()) {
        sentences.push_back(why_not(host));
    }
    return sentences;
}

Json reset_json(const ResetReport& report, const std::vector<Leftover>& leftovers) {
    Json document = leftovers_json(leftovers);
    std::vector<std::string> why = report.why();
    for (std::string& sentence : why_left(leftovers)) {
        why.push_back(std::move(sentence));
    }
    Json devices = Json::array();
    for (const ResetMemory& device : report.devices) {
        devices.push_back(memory_json(device));
    }
    const Json own = {{"clean", why.empty()},
                      {"why", std::move(why)},
                      {"waited_ms", in_milliseconds(report.waited)},
                      {"devices", std::move(devices)},
                      {"host", memory_json(report.host)},
                      {"unloaded", report.unloaded}};
    document.update(own);
    return document;
}

std::string reset_table(const ResetReport& report, TextStyle style) {
    TextTable table({{"   DEVICE", Align::left},
                     {"PEAK"},
                     {"BEFORE"},
                     {"AFTER"},
                     {"AT MOST"},
                     {"WAITED"},
                     {"IS BACK"}},
                    style);
    std::string kept;
    for (std::size_t d = 0; d < report.devices.size(); ++d) {
        const ResetMemory& device = report.devices[d];
        add_row(table, device,
                fmt::format("{}  {}", device_symbol(DeviceId(d)), printable(device.name)),
                device_escape(DeviceId(d)));
        if (device.kept > Bytes()) {
            kept += hanging_paragraph(
                "",
                fmt::format("{} keeps {} for its context, and the kernels that were loaded, until "
                            "this process ends",
                            printable(device.name), to_string(device.kept)),
                style.columns);
        }
    }
    add_row(table, report.host, "   " + report.host.name, "");
    std::string text = table.render() + '\n' + kept;
    for (const std::string& name : report.unloaded) {
        text += hanging_paragraph("", "unloaded: " + printable(name), style.columns);
    }
    for (const std::string& sentence : report.why()) {
        text += hanging_paragraph("", "not clean: " + printable(sentence), style.columns);
    }
    if (report.clean()) {
        text += hanging_paragraph(
            "", fmt::format("clean: all memory came back within {}", in_words(report.waited)),
            style.columns);
    }
    return text;
}

}  // namespace hexcore
