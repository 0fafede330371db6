#include "hexcore/report/recording_page.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/report/page_parts.hpp"
#include "hexcore/report/recording_json.hpp"
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
    document["sites"] = Json::array();
    return fmt::format("{}{}{}", page_before_data, text_within_page(document), page_behind_data);
}

}  // namespace hexcore
