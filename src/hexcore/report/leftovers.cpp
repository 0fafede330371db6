#include "hexcore/report/leftovers.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

const char* name_for_people(LeftoverKind kind) {
    switch (kind) {
        case LeftoverKind::parked:
            return "parked sessions";
        case LeftoverKind::unfinished:
            return "unfinished file";
        case LeftoverKind::examination:
            return "examination";
        case LeftoverKind::worker:
            return "worker";
        case LeftoverKind::watch:
            return "folder of a watch";
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(kind));
}

std::string process_text(const Leftover& left) {
    return left.pid ? fmt::format("pid {}: {}", *left.pid, left.path) : left.path;
}

const char* now_text(const Leftover& left) {
    if (left.ended) {
        return left.pid ? "ended" : "removed";
    }
    return "left";
}

}  // namespace

const char* to_string(LeftoverKind kind) {
    switch (kind) {
        case LeftoverKind::parked:
            return "parked";
        case LeftoverKind::unfinished:
            return "unfinished";
        case LeftoverKind::examination:
            return "examination";
        case LeftoverKind::worker:
            return "worker";
        case LeftoverKind::watch:
            return "watch";
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(kind));
}

bool all_ended(const std::vector<Leftover>& leftovers) {
    return std::all_of(leftovers.begin(), leftovers.end(),
                       [](const Leftover& left) { return left.ended; });
}

std::vector<std::string> why_left(const std::vector<Leftover>& leftovers) {
    std::vector<std::string> sentences;
    for (const Leftover& left : leftovers) {
        if (!left.ended) {
            sentences.push_back(
                left.problem.empty()
                    ? fmt::format("{} ({}) is left", name_for_people(left.kind), process_text(left))
                    : left.problem);
        }
    }
    return sentences;
}

Json leftovers_json(const std::vector<Leftover>& leftovers) {
    Json list = Json::array();
    for (const Leftover& left : leftovers) {
        list.push_back({{"kind", to_string(left.kind)},
                        {"path", left.path},
                        {"pid", left.pid ? Json(*left.pid) : Json()},
                        {"bytes", left.bytes.count()},
                        {"ended", left.ended},
                        {"problem", left.problem.empty() ? Json() : Json(left.problem)}});
    }
    return {{"schema", "hexcore.reset/1"}, {"clean", all_ended(leftovers)},
            {"why", why_left(leftovers)},  {"waited_ms", 0.0},
            {"devices", Json::array()},    {"host", nullptr},
            {"unloaded", Json::array()},   {"leftovers", std::move(list)}};
}

std::string leftovers_table(const std::vector<Leftover>& leftovers, TextStyle style) {
    if (leftovers.empty()) {
        return "nothing is left of runs that died\n";
    }
    TextTable table({{"LEFT BY RUNS THAT DIED", Align::left},
                     {"WHERE", Align::left, Overlong::wraps},
                     {"SIZE"},
                     {"NOW", Align::left}},
                    style);
    std::string problems;
    for (const Leftover& left : leftovers) {
        table.add_row({name_for_people(left.kind), printable(process_text(left)),
                       to_string(left.bytes), now_text(left)});
        if (!left.problem.empty()) {
            problems += hanging_paragraph("", printable(left.problem), style.columns);
        }
    }
    return table.render() + (problems.empty() ? "" : "\n") + problems;
}

}  // namespace hexcore
