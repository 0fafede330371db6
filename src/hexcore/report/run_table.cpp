#include "hexcore/report/run_table.hpp"

#include <fmt/format.h>

#include <cmath>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/memory_bar.hpp"
#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

std::string measured_text(const std::optional<Bytes>& measured) {
    return measured ? to_string(*measured) : "not known";
}

/// Nothing where nothing was timed: a single token comes with the prompt.
std::string at_rate(double tokens_per_s) {
    return tokens_per_s > 0 ? fmt::format(" at {} tokens/s", rate_text(tokens_per_s)) : "";
}

std::string difference_text(Bytes planned, Bytes accounted) {
    if (planned == accounted) {
        return "equal";
    }
    return planned > accounted ? fmt::format("-{} B", (planned - accounted).count())
                               : fmt::format("+{} B", (accounted - planned).count());
}

void add_purposes(TextTable& table, const Usage& planned, const Usage& accounted) {
    for (const Purpose purpose : all_purposes) {
        const Bytes ours = planned[purpose];
        const Bytes held = accounted[purpose];
        if (ours > Bytes{} || held > Bytes{}) {
            table.add_row({fmt::format("     {}", shown_name(purpose)), to_string(ours),
                           difference_text(ours, held), to_string(held), "", "", ""});
        }
    }
}

std::string devices_text(const RunReport& report, TextStyle style) {
    TextTable table({{"   DEVICE", Align::left},
                     {"PLANNED"},
                     {"DIFFERENCE"},
                     {"ACCOUNTED"},
                     {"ITS PEAK"},
                     {"MEASURED"},
                     {"BUDGET"}},
                    style);
    for (std::size_t d = 0; d < report.devices.size(); ++d) {
        const RunDevice& device = report.devices[d];
        const Bytes planned = device.planned.total();
        const Bytes accounted = device.accounted.total();
        table.add_row(
            {fmt::format("{}  {}", device_symbol(DeviceId(d)), printable(device.name)),
             to_string(planned), difference_text(planned, accounted), to_string(accounted),
             to_string(device.peak), measured_text(device.measured), to_string(device.budget)},
            device_escape(DeviceId(d)));
        add_purposes(table, device.planned, device.accounted);
    }
    const Bytes planned = report.host.planned.total();
    const Bytes accounted = report.host.accounted.total();
    table.add_row({"   host memory", to_string(planned), difference_text(planned, accounted),
                   to_string(accounted), "-", "-", "-"});
    add_purposes(table, report.host.planned, report.host.accounted);
    return table.render();
}

std::string refusals_text(const RunReport& report, std::size_t columns) {
    std::string text;
    for (const RunDevice& device : report.devices) {
        if (device.refused > 0) {
            text += fmt::format("{}{} on {}", text.empty() ? "refused: " : ", ",
                                plural(device.refused, "allocation"), printable(device.name));
        }
    }
    return hanging_paragraph("", text.empty() ? "no allocation was refused" : text, columns);
}

/// Empty where no device has a cache.
std::string expert_cache_text(const RunReport& report, std::size_t columns) {
    std::string text;
    for (const RunDevice& device : report.devices) {
        if (device.expert_cache) {
            const ExpertCacheStats& stats = *device.expert_cache;
            text += hanging_paragraph(
                "",
                fmt::format("expert cache on {}: {}, {} of {} found there ({:.1f} %), {} missed; "
                            "{} were copied to it",
                            printable(device.name), plural(stats.slots, "slot"), stats.hits,
                            plural(stats.lookups, "expert"), 100 * stats.hit_rate(), stats.misses(),
                            to_string(stats.bytes)),
                columns);
        }
    }
    return text;
}

std::string unload_text(const RunReport& report, TextStyle style) {
    if (report.after_unload.empty()) {
        return "";
    }
    TextTable table({{"   AFTER UNLOADING", Align::left}, {"ACCOUNTED"}, {"MEASURED"}}, style);
    for (std::size_t d = 0; d < report.after_unload.size(); ++d) {
        const DeviceAfterUnload& device = report.after_unload[d];
        table.add_row({fmt::format("{}  {}", device_symbol(DeviceId(d)), printable(device.name)),
                       to_string(device.accounted), measured_text(device.measured)},
                      device_escape(DeviceId(d)));
    }
    return '\n' + table.render();
}

}  // namespace

std::string run_table(const RunReport& report, TextStyle style) {
    std::string text = devices_text(report, style) + unload_text(report, style) + '\n' +
                       refusals_text(report, style.columns);
    text += hanging_paragraph(
        "",
        fmt::format("loaded in {}; prompt of {}{}, {} generated{} (measured); "
                    "stopped: {}",
                    duration_text(report.timing.load_ms / 1e3),
                    plural(report.prompt_tokens.value(), "token"),
                    at_rate(report.timing.prompt_tokens_per_s), report.generated_tokens.value(),
                    at_rate(report.timing.decode_tokens_per_s), to_string(report.stop)),
        style.columns);
    text += hanging_paragraph(
        "",
        fmt::format("KV cache: {} of {} cells used (accounted {} of {}, high-water mark {}); "
                    "{} computed",
                    report.cache.cells_used, report.cache.cells_total,
                    to_string(report.cache.used()), to_string(report.cache.total()),
                    to_string(report.cache.high_water),
                    plural(report.cache.counts.tokens_computed, "token")),
        style.columns);
    return text + expert_cache_text(report, style.columns);
}

std::string verify_text(const VerifyReport& report, TextStyle style) {
    const std::string tokens = plural(report.tokens.value(), "token");
    if (!std::isfinite(report.max_relative_error)) {
        return hanging_paragraph(
            "",
            fmt::format("not verified: over {} some {} are no finite numbers, so "
                        "that comparing them says nothing; the model's weights are broken, or "
                        "too large for its types",
                        tokens, report.compared),
            style.columns);
    }
    if (report.identical) {
        return fmt::format("identical: all {} of {} are the same bits as libllama's\n",
                           report.compared, tokens);
    }
    return hanging_paragraph(
        "",
        fmt::format("{}: over {} the {} differ from libllama's by a relative error "
                    "of up to {:.3g}; {:.3g} is allowed",
                    report.agrees() ? "within tolerance" : "different", tokens, report.compared,
                    report.max_relative_error, report.tolerance),
        style.columns);
}

}  // namespace hexcore
