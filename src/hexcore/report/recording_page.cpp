#include "hexcore/report/recording_page.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "hexcore/base/printable.hpp"
#include "hexcore/report/page_data.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/symbols.hpp"
#include "hexcore/report/watch_sentences.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_text = 200;
constexpr std::size_t most_words = 64;

Json series_json(const std::vector<ChartSeries>& all) {
    Json list = Json::array();
    for (const ChartSeries& series : all) {
        list.push_back({{"name", series.name}, {"units", differences(series.units, [](auto units) {
                                                    return static_cast<std::int64_t>(units);
                                                })}});
    }
    return list;
}

std::string description_of(const RecordedDevice& device) {
    const std::string what = shortened(device.description, longest_text);
    return device.total > Bytes() ? fmt::format("{}, {}", what, to_string(device.total)) : what;
}

Json views_json(const DeviceChart& chart) {
    Json list = Json::array();
    for (const ChartView& view : chart.views) {
        list.push_back({{"by", view.by}, {"series", series_json(view.series)}});
    }
    return list;
}

Json limits_json(const DeviceChart& chart) {
    Json list = Json::array();
    for (const ChartLimit& limit : chart.limits) {
        list.push_back({{"kind", limit.kind}, {"bytes", limit.bytes.count()}});
    }
    return list;
}

Json chart_json(const DeviceChart& chart) {
    return {{"name", shortened(chart.device.name, longest_text)},
            {"description", description_of(chart.device)},
            {"limits", limits_json(chart)},
            {"unit_bytes", chart.device.unit.count()},
            {"peak_row", chart.peak_row},
            {"times_us", differences(chart.times, [](RecordedTime time) { return time.count(); })},
            {"views", views_json(chart)}};
}

Json peak_json(const DeviceChart& chart) {
    Json parts = Json::array();
    for (const PeakPart& part : chart.peak_parts) {
        parts.push_back(
            {{"name", part.name}, {"series", part.series}, {"bytes", part.bytes.count()}});
    }
    return {{"name", shortened(chart.device.name, longest_text)},
            {"bytes", chart.peak.count()},
            {"at_us", chart.times.empty() ? 0 : chart.times[chart.peak_row].count()},
            {"tree", {{"name", "peak"}, {"children", std::move(parts)}}}};
}

/// Of each chart of a device: the most that was in use while a label was open; null: not known.
Json most_json(const LabelTotal& total, const std::vector<DeviceChart>& charts) {
    Json list = Json::array();
    for (const DeviceChart& chart : charts) {
        const auto most = total.most.find(chart.device.number);
        list.push_back(most == total.most.end() ? Json() : Json(most->second.count()));
    }
    return list;
}

/// Bands are lists, since there are many: lane, depth, name, begin and length in microseconds.
Json labels_json(const LabelTimes& labels, const std::vector<DeviceChart>& charts) {
    Json document{{"names", labels.names},
                  {"bands", Json::array()},
                  {"marks", Json::array()},
                  {"totals", Json::array()}};
    for (const LabelBand& band : labels.bands) {
        document["bands"].push_back(Json::array(
            {band.lane, band.depth, band.name, band.from.count(), band.length.count()}));
    }
    for (const MarkedTime& mark : labels.marks) {
        document["marks"].push_back({{"at_us", mark.time.count()}, {"name", mark.name}});
    }
    for (const LabelTotal& total : labels.totals) {
        document["totals"].push_back({{"name", total.name},
                                      {"count", total.count},
                                      {"total_us", total.took.count()},
                                      {"most_bytes", most_json(total, charts)}});
    }
    return document;
}

/// The numbers of the stacks of what repeats took, as far as there are any.
std::set<std::uint64_t> stacks_of_repeats(const Json& recording) {
    std::set<std::uint64_t> numbers;
    for (const Json& repeated : recording.value("repeats", Json::array())) {
        for (const Json& device : repeated.value("devices", Json::array())) {
            for (const Json& site : device.value("sites", Json::array())) {
                numbers.insert(site.value("stack", std::uint64_t{0}));
            }
        }
    }
    return numbers;
}

/// The sites, and by number the stacks that are on the page, in words.
void add_sites(Json& document, const RecordingDrawing& drawing) {
    std::set<std::uint64_t> numbers = stacks_of_repeats(document["recording"]);
    document["sites"] = Json::array();
    for (const TakenSite& site : drawing.sites) {
        const std::uint64_t stack = site.stack ? site.stack->number : 0;
        numbers.insert(stack);
        document["sites"].push_back({{"device", site.device},
                                     {"purpose", site.purpose},
                                     {"label", site.label},
                                     {"stack", stack},
                                     {"most_bytes", site.most.count()},
                                     {"left_bytes", site.left.count()},
                                     {"left", site.n_left},
                                     {"ever", site.n_ever}});
    }
    Symbols symbols;
    document["stacks"] = Json::object();
    for (const std::uint64_t number : numbers) {
        if (const auto stack = drawing.stacks.find(number); stack != drawing.stacks.end()) {
            document["stacks"][std::to_string(number)] = symbols.names_of(*stack->second);
        }
    }
    if (!symbols.missing().empty()) {
        document["sentences"].push_back(
            fmt::format("Stacks have no names from these files, which cannot be read here: {}.",
                        fmt::join(symbols.missing(), ", ")));
    }
}

}  // namespace

std::string recording_page(const WatchFindings& findings, const RecordingDrawing& drawing) {
    Json recording = recording_json(findings);
    if (recording["command"].size() > most_words) {
        recording["command"].erase(recording["command"].begin() + most_words,
                                   recording["command"].end());
        recording["command"].push_back("...");
    }
    shorten_texts(recording, longest_text);
    Json document{{"recording", std::move(recording)}, {"sentences", watch_sentences(findings)}};
    document["charts"] = Json::array();
    document["peaks"] = Json::array();
    for (const DeviceChart& chart : drawing.charts) {
        document["charts"].push_back(chart_json(chart));
        document["peaks"].push_back(peak_json(chart));
    }
    document["labels"] = labels_json(drawing.labels, drawing.charts);
    add_sites(document, drawing);
    return page_with_data(recording_page_parts, document);
}

}  // namespace hexcore
