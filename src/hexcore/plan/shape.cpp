#include "hexcore/plan/shape.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

std::uint32_t number(const nlohmann::json& json, const char* key) {
    return json.value(key, std::uint32_t{0});
}

QkNorm qk_norm(const std::string& name) {
    HEXCORE_CHECK(name == "none" || name == "head" || name == "full", name, "qk_norm");
    return name == "head" ? QkNorm::head : name == "full" ? QkNorm::full : QkNorm::none;
}

Shape parse_shape(std::string_view text) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    HEXCORE_CHECK(json.is_object(), text, "a built-in shape must be a JSON object");
    Shape shape;
    shape.name = json.value("name", "");
    shape.architecture = json.value("architecture", "");
    shape.source = json.value("source", "");
    shape.published_parameters = json.value("published_parameters", std::uint64_t{0});
    shape.n_layers = number(json, "n_layers");
    shape.n_embd = number(json, "n_embd");
    shape.n_vocab = number(json, "n_vocab");
    shape.n_ctx_train = number(json, "n_ctx_train");
    shape.n_head = number(json, "n_head");
    shape.n_head_kv = number(json, "n_head_kv");
    shape.head_size = number(json, "head_size");
    shape.qk_norm = qk_norm(json.value("qk_norm", "none"));
    shape.biases = json.value("biases", false);
    shape.attention_sinks = json.value("attention_sinks", false);
    shape.sliding_window = number(json, "sliding_window");
    shape.sliding_window_every = number(json, "sliding_window_every");
    shape.n_layers_dense = number(json, "n_layers_dense");
    shape.n_ff_dense = number(json, "n_ff_dense");
    shape.n_experts = number(json, "n_experts");
    shape.n_experts_used = number(json, "n_experts_used");
    shape.n_ff_expert = number(json, "n_ff_expert");
    shape.n_experts_shared = number(json, "n_experts_shared");
    shape.router_bias = json.value("router_bias", false);
    const nlohmann::json latent = json.value("latent", nlohmann::json::object());
    shape.latent = {.q_rank = number(latent, "q_rank"),
                    .kv_rank = number(latent, "kv_rank"),
                    .head_size_plain = number(latent, "head_size_plain"),
                    .head_size_rotary = number(latent, "head_size_rotary"),
                    .head_size_v = number(latent, "head_size_v")};
    return shape;
}

}  // namespace

const std::vector<Shape>& built_in_shapes() {
    static const std::vector<Shape> shapes = [] {
        std::vector<Shape> parsed;
        std::transform(shape_texts().begin(), shape_texts().end(), std::back_inserter(parsed),
                       parse_shape);
        std::sort(parsed.begin(), parsed.end(),
                  [](const Shape& a, const Shape& b) { return a.name < b.name; });
        return parsed;
    }();
    return shapes;
}

Result<Shape> find_shape(std::string_view name) {
    std::string known;
    for (const Shape& shape : built_in_shapes()) {
        if (shape.name == name) {
            return shape;
        }
        known += fmt::format("{}{}", known.empty() ? "" : ", ", shape.name);
    }
    return fail(ErrorCode::usage, "no built-in shape '{}'; use one of {}", name, known);
}

}  // namespace hexcore
