#include "hexcore/report/recording_comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <tuple>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_lines = 6;  // of each kind

std::string signed_size(std::int64_t bytes) {
    return fmt::format("{}{}",
                       bytes < 0   ? "-"
                       : bytes > 0 ? "+"
                                   : "",
                       to_string(Bytes(static_cast<std::uint64_t>(std::abs(bytes)))));
}

/// Of one kind those that changed most, in the order of the comparison.
std::vector<PeakChange> largest_of(const RecordingComparison& comparison, PeakOf what) {
    std::vector<PeakChange> changes;
    for (const PeakChange& change : comparison.changes) {
        if (change.what == what && (what == PeakOf::device || change.grew_bytes() != 0)) {
            changes.push_back(change);
        }
    }
    const auto size = [](const PeakChange& change) { return std::abs(change.grew_bytes()); };
    if (changes.size() > most_lines) {
        std::stable_sort(
            changes.begin(), changes.end(),
            [&](const PeakChange& a, const PeakChange& b) { return size(a) > size(b); });
        changes.resize(most_lines);
        std::stable_sort(changes.begin(), changes.end(),
                         [](const PeakChange& a, const PeakChange& b) {
                             return a.grew_bytes() > b.grew_bytes();
                         });
    }
    return changes;
}

std::size_t count_of(const RecordingComparison& comparison, PeakOf what) {
    return static_cast<std::size_t>(std::count_if(
        comparison.changes.begin(), comparison.changes.end(),
        [&](const PeakChange& change) { return change.what == what && change.grew_bytes() != 0; }));
}

std::string verdict_text(const RecordingComparison& comparison) {
    if (!comparison.most_growth) {
        return "";
    }
    std::vector<std::string> names;
    for (const PeakChange& change : comparison.beyond()) {
        names.push_back(
            fmt::format("{} by {}", change.name, to_string(change.now - change.before)));
    }
    return names.empty()
               ? fmt::format("No device grew by more than {}.", to_string(*comparison.most_growth))
               : fmt::format("More than {} was not accepted, but grew: {}.",
                             to_string(*comparison.most_growth), fmt::join(names, ", "));
}

}  // namespace

std::vector<PeakChange> RecordingComparison::beyond() const {
    std::vector<PeakChange> found;
    for (const PeakChange& change : changes) {
        if (most_growth && change.what == PeakOf::device && change.now > change.before &&
            change.now - change.before > *most_growth) {
            found.push_back(change);
        }
    }
    return found;
}

std::vector<PeakChange> compare_peaks(const RecordingPeaks& before, const RecordingPeaks& now) {
    std::vector<PeakChange> changes;
    for (const auto& [key, bytes] : before) {
        const auto found = now.find(key);
        changes.push_back(
            {key.first, key.second, bytes, found == now.end() ? Bytes() : found->second});
    }
    for (const auto& [key, bytes] : now) {
        if (!before.contains(key)) {
            changes.push_back({key.first, key.second, Bytes(), bytes});
        }
    }
    std::stable_sort(changes.begin(), changes.end(), [](const PeakChange& a, const PeakChange& b) {
        return std::make_tuple(a.what, -a.grew_bytes()) < std::make_tuple(b.what, -b.grew_bytes());
    });
    return changes;
}

std::string comparison_table(const RecordingComparison& comparison, TextStyle style) {
    TextTable table({{"PEAK OF", Align::left},
                     {"", Align::left, Overlong::wraps},
                     {"BEFORE"},
                     {"NOW"},
                     {"GREW"}},
                    style);
    std::string left_out;
    for (const PeakOf what :
         {PeakOf::device, PeakOf::process, PeakOf::purpose, PeakOf::label, PeakOf::stack}) {
        const auto changes = largest_of(comparison, what);
        for (const PeakChange& change : changes) {
            table.add_row({to_string(what), change.name, to_string(change.before),
                           to_string(change.now), signed_size(change.grew_bytes())});
        }
        if (const std::size_t all = count_of(comparison, what); all > changes.size()) {
            left_out += fmt::format("{}{} of {}", left_out.empty() ? "" : ", ",
                                    all - changes.size(), to_string(what));
        }
    }
    std::string text = hanging_paragraph(
        "", fmt::format("{} compared with {} before it", comparison.now, comparison.before),
        style.columns);
    text += table.render();
    if (!left_out.empty()) {
        text += hanging_paragraph("", fmt::format("Smaller changes are left out: {}.", left_out),
                                  style.columns);
    }
    if (!comparison.missing.empty()) {
        text += hanging_paragraph(
            "",
            fmt::format("Stacks have no names from these files, which cannot be read here: {}.",
                        fmt::join(comparison.missing, ", ")),
            style.columns);
    }
    if (const std::string verdict = verdict_text(comparison); !verdict.empty()) {
        text += hanging_paragraph("", verdict, style.columns);
    }
    return text;
}

nlohmann::ordered_json comparison_json(const RecordingComparison& comparison) {
    using Json = nlohmann::ordered_json;
    Json document{{"schema", "hexcore.comparison/1"},
                  {"before", comparison.before},
                  {"now", comparison.now},
                  {"fail_on_bytes", bytes_or_null(comparison.most_growth)},
                  {"accepted", comparison.beyond().empty()},
                  {"changes", Json::array()},
                  {"missing_modules", comparison.missing}};
    for (const PeakChange& change : comparison.changes) {
        document["changes"].push_back({{"by", to_string(change.what)},
                                       {"name", change.name},
                                       {"before_bytes", change.before.count()},
                                       {"now_bytes", change.now.count()},
                                       {"grew_bytes", change.grew_bytes()}});
    }
    return document;
}

}  // namespace hexcore
