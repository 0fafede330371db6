#include <nlohmann/json.hpp>

#include "hexcore/report/assistant_report.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/report/usage_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json experts_json(const AssistantAnswer& answer) {
    Json experts = Json::array();
    if (answer.refused) {
        return experts;  // nobody answered
    }
    for (const AnsweringExpert& expert : answer.experts) {
        experts.push_back({{"name", expert.name},
                           {"confidence", expert.confidence},
                           {"weight", expert.weight},
                           {"score", expert.score ? Json(*expert.score) : Json(nullptr)},
                           {"chosen", expert.chosen}});
    }
    return experts;
}

Json fallback_json(const AssistantAnswer& answer) {
    if (!answer.fallback) {
        return nullptr;
    }
    return {{"expert", answer.fallback->expert},
            {"confidence", answer.fallback->confidence},
            {"reason", answer.fallback->reason}};
}

Json sources_json(const AssistantAnswer& answer) {
    Json sources = Json::array();
    for (const AnswerSource& source : answer.sources) {
        sources.push_back({{"id", source.id}, {"title", source.title}, {"cited", source.cited}});
    }
    return sources;
}

const char* stop_of(const AssistantAnswer& answer) {
    return answer.refused ? "refused" : answer.repeats ? "repetition" : to_string(answer.stop);
}

}  // namespace

Json assistant_answer_json(const AssistantAnswer& answer) {
    const AnswerTiming& timing = answer.timing;
    return {{"assistant", answer.assistant},
            {"stop", stop_of(answer)},
            {"experts", experts_json(answer)},
            {"named_by", answer.named_by.empty() ? Json(nullptr) : Json(answer.named_by)},
            {"combine", answer.combine},
            {"fallback", fallback_json(answer)},
            {"sources", sources_json(answer)},
            {"notes", answer.notes},
            {"tokens",
             {{"prompt", answer.prompt_tokens},
              {"reused", answer.reused_tokens},
              {"generated", answer.generated_tokens}}},
            {"cache_stats", cache_stats_json(answer.cache)},
            {"timing",
             {{"load_ms", timing.load_ms},
              {"learn_ms", timing.learn_ms},
              {"route_ms", timing.route_ms},
              {"look_up_ms", timing.look_up_ms},
              {"prompt_ms", timing.prompt_ms},
              {"generate_ms", timing.generate_ms},
              {"score_ms", timing.score_ms},
              {"total_ms", timing.total_ms()}}}};
}

Json assistant_report_json(const AssistantReport& report) {
    Json json = {{"schema", "hexcore.answer/1"}, {"answer", report.answer.text}};
    json.update(assistant_answer_json(report.answer));
    json["devices"] = Json::array();
    for (const RunDevice& device : report.run.devices) {
        json["devices"].push_back(run_device_json(device));
    }
    json["host"] = {{"planned", usage_json(report.run.host.planned)},
                    {"accounted", usage_json(report.run.host.accounted)}};
    json["after_unload"] = Json::array();
    for (const DeviceAfterUnload& device : report.run.after_unload) {
        json["after_unload"].push_back({{"name", device.name},
                                        {"accounted_bytes", device.accounted.count()},
                                        {"measured_bytes", bytes_or_null(device.measured)}});
    }
    return json;
}

}  // namespace hexcore
