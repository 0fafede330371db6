// docs/formats/routing-trace.md specifies the file.
#include "hexcore/report/routing_trace.hpp"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json layer_json(const RoutedLayer& layer) {
    return {{"layer", layer.layer.value()},
            {"n_experts", layer.n_experts},
            {"expert_bytes", layer.expert_bytes.count()}};
}

std::string line_of(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string routing_header_line(const RoutingTraceHeader& header) {
    Json layers = Json::array();
    std::ranges::transform(header.layers, std::back_inserter(layers), layer_json);
    return line_of({{"schema", "hexcore.routing/1"},
                    {"model",
                     {{"name", header.model_name},
                      {"architecture", header.architecture},
                      {"n_layers", header.n_layers},
                      {"n_experts_used", header.n_experts_used}}},
                    {"layers", std::move(layers)}});
}

std::string routed_token_line(const RoutedToken& token) {
    Json layers = Json::array();
    for (const std::vector<ExpertId>& chosen : token.experts) {
        Json experts = Json::array();
        for (const ExpertId expert : chosen) {
            experts.push_back(expert.value());
        }
        layers.push_back(std::move(experts));
    }
    return line_of({{"batch", token.batch},
                    {"position", token.position},
                    {"kind", token.kind == TokenKind::prompt ? "prompt" : "generated"},
                    {"experts", std::move(layers)}});
}

}  // namespace hexcore
