#include "hexcore/report/doctor_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

std::string coarse_text(const GuardProof& proof) {
    std::string text;
    if (proof.overshoot) {
        text = fmt::format("{} over", to_string(*proof.overshoot));
    }
    if (proof.took) {
        text +=
            fmt::format("{}{}", text.empty() ? "" : ", ", duration_text(in_seconds(*proof.took)));
    }
    return text.empty() ? "-" : text;
}

}  // namespace

std::string doctor_table(const DoctorReport& report, TextStyle style) {
    TextTable table({{"AGAINST", Align::left},
                     {"GUARD", Align::left},
                     {"HOW COARSE", Align::left},
                     {"RESULT", Align::left}},
                    style);
    std::string notes;
    for (const GuardProof& proof : report.proofs) {
        table.add_row({proof.guard, proof.how, coarse_text(proof), to_string(proof.answer)});
        if (!proof.note.empty()) {
            notes += hanging_paragraph("", fmt::format("{}: {}.", proof.guard, proof.note),
                                       style.columns);
        }
    }
    for (const std::string& why : report.guards.why) {
        notes += hanging_paragraph("", why, style.columns);
    }
    return table.render() + (notes.empty() ? "" : "\n") + notes;
}

Json doctor_json(const DoctorReport& report) {
    Json proofs = Json::array();
    for (const GuardProof& proof : report.proofs) {
        proofs.push_back({{"against", proof.guard},
                          {"guard", proof.how},
                          {"result", to_string(proof.answer)},
                          {"overshoot_bytes", bytes_or_null(proof.overshoot)},
                          {"took_ms", proof.took ? Json(in_milliseconds(*proof.took)) : Json()},
                          {"note", proof.note.empty() ? Json() : Json(proof.note)}});
    }
    return {{"schema", "hexcore.doctor/1"},
            {"all_hold", report.all_hold()},
            {"guards", guards_json(report.guards)},
            {"proofs", std::move(proofs)}};
}

}  // namespace hexcore
