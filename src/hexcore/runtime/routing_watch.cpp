#include "hexcore/runtime/routing_watch.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include "ggml-backend.h"
#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/decoder.hpp"

namespace hexcore {
namespace {

// What libllama's build_moe_ffn() calls the router's choice, with the layer's number behind it.
constexpr std::string_view choice_name = "ffn_moe_topk-";

std::optional<std::uint32_t> layer_of(const ggml_tensor& tensor) {
    const std::string_view name(tensor.name);
    std::uint32_t layer = 0;
    if (!name.starts_with(choice_name)) {
        return std::nullopt;
    }
    const char* end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + choice_name.size(), end, layer);
    return read.ec == std::errc() && read.ptr == end ? std::optional(layer) : std::nullopt;
}

}  // namespace

Result<RoutingTraceHeader> RoutingWatch::header(const Inventory& inventory) {
    RoutingTraceHeader header{.model_name = inventory.name,
                              .architecture = inventory.architecture,
                              .n_layers = inventory.n_layers,
                              .n_experts_used = inventory.n_experts_used};
    std::map<LayerIndex, RoutedLayer> layers;
    for (const TensorInfo& tensor : inventory.tensors) {
        if (tensor.role == TensorRole::expert && tensor.layer && tensor.n_experts > 0 &&
            tensor.layer->value() < inventory.n_layers - inventory.n_layers_nextn) {
            RoutedLayer& layer = layers[*tensor.layer];
            layer.layer = *tensor.layer;
            layer.n_experts = std::max(layer.n_experts, tensor.n_experts);
            layer.expert_bytes += Bytes(tensor.bytes.count() / tensor.n_experts);
        }
    }
    if (layers.empty()) {
        return fail(ErrorCode::usage,
                    "{} has no experts, so no router chooses any whose choices could be recorded",
                    inventory.name);
    }
    for (const auto& [index, layer] : layers) {
        header.layers.push_back(layer);
    }
    return header;
}

void RoutingWatch::begin(const RoutingTraceHeader& header) {
    layers_.clear();
    n_experts_.clear();
    for (const RoutedLayer& layer : header.layers) {
        layers_.emplace(layer.layer.value(), n_experts_.size());
        n_experts_.push_back(layer.n_experts);
    }
    n_used_ = header.n_experts_used;
}

void RoutingWatch::computing(std::span<const SequenceTokens> parts, TokenKind kind) {
    ++batch_;
    tokens_.clear();
    last_.clear();
    rows_.assign(n_experts_.size(), {});
    for (const SequenceTokens& part : parts) {
        for (std::size_t i = 0; i < part.tokens.size(); ++i) {
            tokens_.push_back({.batch = batch_,
                               .position = part.position + static_cast<std::uint32_t>(i),
                               .kind = kind,
                               .experts = std::vector<std::vector<ExpertId>>(n_experts_.size())});
        }
        last_.push_back(tokens_.size() - 1);
    }
}

bool RoutingWatch::observe(ggml_tensor* tensor, bool ask, void* watch) {
    auto& self = *static_cast<RoutingWatch*>(watch);
    const auto layer = layer_of(*tensor);
    const auto known = layer ? self.layers_.find(*layer) : self.layers_.end();
    const bool wanted = known != self.layers_.end() && !self.tokens_.empty();
    if (ask) {
        return wanted;
    }
    if (wanted) {
        self.take(*tensor, known->second);
    }
    return true;  // false would end the computation
}

void RoutingWatch::take(const ggml_tensor& choice, std::size_t layer) {
    // Some architectures have a second choice in a layer, of the same name, among others.
    if (choice.type != GGML_TYPE_I32 || choice.ne[0] != n_used_ || !rows_[layer].empty()) {
        return;
    }
    // It is a view of all experts in the router's order, so its rows are further apart than long.
    std::vector<std::byte> bytes(ggml_nbytes(&choice));
    ggml_backend_tensor_get(&choice, bytes.data(), 0, bytes.size());
    for (std::int64_t row = 0; row < choice.ne[1]; ++row) {
        std::vector<ExpertId> chosen;
        for (std::uint32_t i = 0; i < n_used_; ++i) {
            std::int32_t expert = 0;
            std::memcpy(
                &expert,
                bytes.data() + static_cast<std::size_t>(row) * choice.nb[1] + i * choice.nb[0],
                sizeof(expert));
            chosen.emplace_back(expert);
        }
        // Sorting NaN, a device may choose what is no expert; nor does the answer come to anything.
        if (std::ranges::any_of(
                chosen, [&](ExpertId expert) { return expert.value() >= n_experts_[layer]; })) {
            chosen.clear();
        }
        rows_[layer].push_back(std::move(chosen));
    }
}

void RoutingWatch::computed() {
    for (std::size_t layer = 0; layer < rows_.size(); ++layer) {
        auto& rows = rows_[layer];
        // libllama computes the last layer's experts only for tokens that something is wanted for.
        const bool all = rows.size() >= tokens_.size();
        const std::size_t n = all ? tokens_.size() : std::min(rows.size(), last_.size());
        for (std::size_t row = 0; row < n; ++row) {
            tokens_[all ? row : last_[row]].experts[layer] = std::move(rows[row]);
        }
    }
    sink_.computed(tokens_);
    tokens_.clear();
}

}  // namespace hexcore
