#include "hexcore/report/recording_page.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "hexcore/base/printable.hpp"
#include "hexcore/report/page_parts.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/symbols.hpp"
#include "hexcore/report/watch_summary.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_text = 200;
constexpr std::size_t most_words = 64;

/// Each value less the one before: short where little changes.
template <typename Values, typename Number>
Json differences(const Values& values, Number number) {
    Json list = Json::array();
    std::int64_t before = 0;
    for (const auto& value : values) {
        const std::int64_t now = number(value);
        list.push_back(now - before);
        before = now;
    }
    return list;
}

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

Json chart_json(const DeviceChart& chart) {
    return {{"name", shortened(chart.device.name, longest_text)},
            {"description", description_of(chart.device)},
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

/// Bands are lists, since there are many: lane, depth, name, begin and length in microseconds.
Json labels_json(const LabelTimes& labels) {
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
        document["totals"].push_back(
            {{"name", total.name}, {"count", total.count}, {"total_us", total.took.count()}});
    }
    return document;
}

/// The texts in it, which programs and their users chose, printable and cut.
void shorten_texts(Json& value) {
    if (value.is_string()) {
        value = shortened(value.get_ref<const std::string&>(), longest_text);
    }
    if (value.is_array() || value.is_object()) {
        for (Json& item : value) {
            shorten_texts(item);
        }
    }
}

/// As it may stand within a page: no character ends its element, or begins another.
std::string text_within_page(const Json& document) {
    std::string text;
    for (const char letter : document.dump(-1, ' ', true, Json::error_handler_t::replace)) {
        if (letter == '<' || letter == '>' || letter == '&') {
            text += fmt::format("\\u{:04x}", letter);
        } else {
            text += letter;
        }
    }
    return text;
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
    shorten_texts(recording);
    Json document{{"recording", std::move(recording)}, {"sentences", watch_sentences(findings)}};
    document["charts"] = Json::array();
    document["peaks"] = Json::array();
    for (const DeviceChart& chart : drawing.charts) {
        if (chart.peak > Bytes()) {
            document["charts"].push_back(chart_json(chart));
            document["peaks"].push_back(peak_json(chart));
        }
    }
    document["labels"] = labels_json(drawing.labels);
    add_sites(document, drawing);
    return fmt::format("{}{}{}", page_before_data, text_within_page(document), page_behind_data);
}

}  // namespace hexcore
