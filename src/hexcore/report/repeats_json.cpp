#include "hexcore/report/repeats_json.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json site_json(const FoundSite& found) {
    const Site& site = found.judged.site;
    return {{"device", site.device},
            {"purpose", site.purpose},
            {"label", site.label},
            {"stack", site.stack},
            {"verdict", to_string(found.judged.judgement.verdict)},
            {"bytes_per_repeat", found.judged.judgement.bytes_per_repeat},
            {"held_bytes", static_cast<std::uint64_t>(found.judged.held_bytes)}};
}

Json device_json(const RepeatsOnDevice& on) {
    const Judgement& judged = on.judgement;
    Json sites = Json::array();
    for (const FoundSite& site : on.sites) {
        sites.push_back(site_json(site));
    }
    return {{"device", on.device},
            {"known_by", on.exact ? "allocations" : "samples"},
            {"verdict", to_string(judged.verdict)},
            {"bytes_per_repeat", judged.bytes_per_repeat},
            {"bytes_per_repeat_least", judged.least_bytes},
            {"bytes_per_repeat_most", judged.most_bytes},
            {"warm_up_repeats", judged.warm_up},
            {"judged_repeats", judged.repeats},
            {"known_after_repeats", judged.known_after},
            {"why", judged.why.empty() ? Json(nullptr) : Json(judged.why)},
            {"sites", std::move(sites)}};
}

}  // namespace

Json repeats_json(const std::vector<RepeatFindings>& repeats) {
    Json list = Json::array();
    for (const RepeatFindings& repeated : repeats) {
        Json devices = Json::array();
        for (const RepeatsOnDevice& on : repeated.devices) {
            devices.push_back(device_json(on));
        }
        list.push_back({{"label", repeated.label},
                        {"pid", repeated.pid},
                        {"command", repeated.command},
                        {"repeats", repeated.repeats},
                        {"verdict", to_string(repeated.verdict())},
                        {"devices", std::move(devices)}});
    }
    return list;
}

}  // namespace hexcore
