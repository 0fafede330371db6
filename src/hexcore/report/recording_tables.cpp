#include "hexcore/report/recording_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace hexcore {
namespace {

/// A text in quotes, with whatever needs it escaped.
std::string quoted(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text_of(const TextRef& text) { return text ? text->text : std::string(); }

void set_name(std::vector<std::string>& names, const RecordedDevice& device) {
    names.resize(recorded_devices_max);
    names[device.number] = device.name;
}

}  // namespace

RecordingCsv::RecordingCsv(TextOutput output) : output_(std::move(output)) {
    output_("time_ms,device,used_bytes,free_bytes,processes,sampled\n");
}

void RecordingCsv::run(const RecordedRun& /*run*/) {}
void RecordingCsv::thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) {}
void RecordingCsv::end(const RecordedEnd& /*end*/) {}

void RecordingCsv::device(const RecordedDevice& device) {
    set_name(names_, device);
    // Quotes are doubled in such files, and no name of ours has any.
    std::erase_if(names_[device.number],
                  [](char letter) { return letter == '"' || letter == ',' || letter < ' '; });
}

void RecordingCsv::row(const RecordedRow& row) {
    output_(fmt::format("{:.3f},{},{},{},{},{}\n", static_cast<double>(row.time.count()) / 1e3,
                        names_[row.device], row.total().count(),
                        row.free ? std::to_string(row.free->count()) : "", row.parts.size(),
                        row.sampled ? 1 : 0));
}

RecordingTrace::RecordingTrace(TextOutput output) : output_(std::move(output)) {}

void RecordingTrace::run(const RecordedRun& run) {
    output_(fmt::format(
        "{{\"traceEvents\":[\n{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":1,\"args\":{{"
        "\"name\":{}}}}}",
        quoted(fmt::format("memory of {}", fmt::join(run.command, " ")))));
}

void RecordingTrace::device(const RecordedDevice& device) {
    set_name(names_, device);
    counted_.resize(recorded_devices_max);
}
void RecordingTrace::thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) {}
void RecordingTrace::end(const RecordedEnd& /*end*/) {}

void RecordingTrace::row(const RecordedRow& row) {
    std::string values;
    const auto add = [&values](const RecordedProcess& process, Bytes bytes) {
        values += fmt::format(
            "{}:{},", quoted(fmt::format("{} ({})", process.command, process.pid)), bytes.count());
    };
    std::vector<ProcessRef>& counted = counted_[row.device];
    for (const ProcessRef& process : counted) {
        const bool is_there =
            std::any_of(row.parts.begin(), row.parts.end(),
                        [&](const RecordedPart& part) { return part.process == process; });
        if (!is_there) {
            add(*process, Bytes());
        }
    }
    counted.clear();
    for (const RecordedPart& part : row.parts) {
        counted.push_back(part.process);
        add(*part.process, part.bytes);
    }
    if (row.others > Bytes() || row.parts.empty()) {
        values += fmt::format("\"others\":{},", row.others.count());
    }
    values.pop_back();
    output_(fmt::format(",\n{{\"ph\":\"C\",\"name\":{},\"pid\":1,\"ts\":{},\"args\":{{{}}}}}",
                        quoted(names_[row.device] + " bytes"), row.time.count(), values));
}

void RecordingTrace::amounts(const RecordedAmounts& amounts) {
    const RecordedHolder& holder = *amounts.holder;
    std::string values;
    for (const RecordedAmount& amount : amounts.amounts) {
        values += fmt::format("{}{}:{}", values.empty() ? "" : ",", quoted(text_of(amount.name)),
                              amount.bytes.count());
    }
    output_(
        fmt::format(",\n{{\"ph\":\"C\",\"name\":{},\"pid\":1,\"ts\":{},\"args\":{{{}}}}}",
                    quoted(fmt::format("{} {} bytes ({})", holder.device, to_string(holder.kind),
                                       holder.process ? holder.process->pid : 0)),
                    amounts.time.count(), values));
}

void RecordingTrace::label(const RecordedLabel& label) {
    output_(fmt::format(",\n{{\"ph\":\"{}\",\"name\":{},\"pid\":1,\"tid\":{},\"ts\":{}}}",
                        label.edge == LabelEdge::begin ? 'B' : 'E', quoted(text_of(label.name)),
                        label.thread, label.time.count()));
}

void RecordingTrace::mark(const RecordedMark& mark) {
    output_(fmt::format(",\n{{\"ph\":\"i\",\"s\":\"g\",\"name\":{},\"pid\":1,\"tid\":0,\"ts\":{}}}",
                        quoted(text_of(mark.name)), mark.time.count()));
}

void RecordingTrace::counted_once(const RecordedCountedOnce& counted) {
    output_(
        fmt::format(",\n{{\"ph\":\"C\",\"name\":\"host bytes, shared pages counted once\","
                    "\"pid\":1,\"ts\":{},\"args\":{{\"bytes\":{}}}}}",
                    counted.time.count(), counted.once.count()));
}

void RecordingTrace::finish() { output_("\n],\"displayTimeUnit\":\"ms\"}\n"); }

}  // namespace hexcore
