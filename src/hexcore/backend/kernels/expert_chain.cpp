#include "hexcore/backend/kernels/expert_chain.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace hexcore {
namespace {

constexpr float oai_alpha = 1.702F;
constexpr float oai_limit = 7.0F;

float parameter(const ggml_tensor& node, int index) {
    float value = 0;
    std::memcpy(&value, &node.op_params[index], sizeof(value));
    return value;
}

/// Reads the nodes of a chain one after the other.
class ChainReader {
public:
    ChainReader(const ggml_cgraph& graph, int first) : graph_(graph), at_(first) {
        chain_.first = first;
    }

    std::optional<ExpertChain> read() {
        if (!read_activation() || !read_down() || !read_sum()) {
            return std::nullopt;
        }
        chain_.last = at_ - 1;
        return is_closed() && describe() ? std::optional(chain_) : std::nullopt;
    }

private:
    /// A product with expert weights, and its biases where it has any.
    struct Product {
        const ggml_tensor* node = nullptr;
        const ggml_tensor* bias = nullptr;
        const ggml_tensor* result = nullptr;
    };

    const ggml_tensor* peek() const { return at_ < graph_.n_nodes ? graph_.nodes[at_] : nullptr; }
    const ggml_tensor* take(ggml_op op) {
        const ggml_tensor* node = peek();
        if (node == nullptr || node->op != op || node->type != GGML_TYPE_F32) {
            return nullptr;
        }
        ++at_;
        return node;
    }

    static bool has_weights(const ggml_tensor& product) {
        const ggml_tensor& weight = *product.src[0];
        const bool is_known = ggml_is_quantized(weight.type) || weight.type == GGML_TYPE_F16 ||
                              weight.type == GGML_TYPE_BF16;
        return is_known && ggml_is_contiguous(&weight) && weight.ne[3] == 1 &&
               product.src[1]->type == GGML_TYPE_F32 && ggml_is_contiguous(product.src[1]) &&
               std::all_of(std::begin(product.op_params), std::end(product.op_params),
                           [](std::int32_t word) { return word == 0; });
    }

    std::optional<Product> take_product() {
        Product product;
        product.node = take(GGML_OP_MUL_MAT_ID);
        if (product.node == nullptr || !has_weights(*product.node) ||
            (chain_.ids != nullptr && product.node->src[2] != chain_.ids)) {
            return std::nullopt;
        }
        product.result = product.node;
        const ggml_tensor* next = peek();
        if (next != nullptr && next->op == GGML_OP_ADD_ID && next->src[0] == product.node) {
            if (next->src[2] != product.node->src[2] || next->src[1]->type != GGML_TYPE_F32 ||
                !ggml_is_contiguous(next->src[1])) {
                return std::nullopt;
            }
            product.bias = next->src[1];
            product.result = take(GGML_OP_ADD_ID);
        }
        return product;
    }

    bool read_activation() {
        const auto first = take_product();
        if (!first || first->node->src[2]->ne[1] > HEXCORE_CUDA_MOST_TOKENS ||
            first->node->src[1]->ne[1] != 1) {
            return false;  // of too many tokens, or of a row for each expert
        }
        chain_.ids = first->node->src[2];
        chain_.x = first->node->src[1];
        n_tokens_ = chain_.ids->ne[1];
        const ggml_tensor* next = peek();
        if (next != nullptr && next->op == GGML_OP_VIEW) {
            return read_merged(*first);
        }
        const auto second = take_product();
        if (!second || second->node->src[1] != chain_.x) {
            return false;
        }
        glu_ = take(GGML_OP_GLU);
        if (glu_ == nullptr) {
            return false;
        }
        const bool gate_is_first = glu_->src[0] == first->result;
        const Product& gate = gate_is_first ? *first : *second;
        const Product& up = gate_is_first ? *second : *first;
        chain_.gate = gate.node->src[0];
        chain_.up = up.node->src[0];
        chain_.gate_bias = gate.bias;
        chain_.up_bias = up.bias;
        return glu_->src[0] == gate.result && glu_->src[1] == up.result &&
               chain_.gate->type == chain_.up->type &&
               ggml_are_same_shape(chain_.gate, chain_.up) &&
               (gate.bias == nullptr) == (up.bias == nullptr);
    }

    /// Gate and up in one product, of whose rows each is half.
    bool read_merged(const Product& both) {
        const ggml_tensor* gate = take(GGML_OP_VIEW);
        const ggml_tensor* up = take(GGML_OP_VIEW);
        glu_ = take(GGML_OP_GLU);
        if (up == nullptr || glu_ == nullptr || both.bias != nullptr) {
            return false;
        }
        const auto is_half = [&](const ggml_tensor& view, std::size_t offset) {
            return view.src[0] == both.node && view.view_offs == offset &&
                   view.ne[0] * 2 == both.node->ne[0] && view.ne[1] == both.node->ne[1] &&
                   view.ne[2] == n_tokens_ && view.nb[1] == both.node->nb[1] &&
                   view.nb[2] == both.node->nb[2];
        };
        chain_.gate = both.node->src[0];
        chain_.up = chain_.gate;
        return is_half(*gate, 0) &&
               is_half(*up, static_cast<std::size_t>(gate->ne[0]) * sizeof(float)) &&
               glu_->src[0] == gate && glu_->src[1] == up;
    }

    bool read_down() {
        const auto down = take_product();
        if (!down || down->node->src[1] != glu_) {
            return false;
        }
        chain_.down = down->node->src[0];
        chain_.down_bias = down->bias;
        chain_.rows = down->result;
        return (down->bias == nullptr) == (chain_.gate_bias == nullptr);
    }

    /// As ggml's CUDA backend knows a weighted sum: the product with the weights, a view of each
    /// expert's row, and additions from the first to the last.
    bool read_sum() {
        const bool is_alone = chain_.ids->ne[0] == 1;
        const ggml_tensor* weighted = take(GGML_OP_MUL);
        if (weighted == nullptr && is_alone) {
            return read_alone(*chain_.rows);  // the activations were weighted
        }
        if (weighted == nullptr || weighted->src[0] != chain_.rows ||
            weighted->ne[2] != n_tokens_ || !ggml_is_contiguous(weighted)) {
            return false;
        }
        chain_.weights = weighted->src[1];
        const std::int64_t n_used = weighted->ne[1];
        if (chain_.weights->type != GGML_TYPE_F32 || !ggml_is_contiguous(chain_.weights) ||
            chain_.weights->ne[0] != 1 || chain_.weights->ne[1] != n_used ||
            chain_.weights->ne[2] != n_tokens_) {
            return false;
        }
        if (is_alone) {
            return read_alone(*weighted);
        }
        std::vector<const ggml_tensor*> views;
        std::size_t added = 1;
        while (views.size() < static_cast<std::size_t>(n_used) ||
               added < static_cast<std::size_t>(n_used)) {
            if (const ggml_tensor* view = take(GGML_OP_VIEW)) {
                if (view->src[0] != weighted || view->ne[0] != weighted->ne[0] ||
                    view->ne[1] != n_tokens_ || view->nb[1] != weighted->nb[2] ||
                    view->view_offs != views.size() * weighted->nb[1]) {
                    return false;
                }
                views.push_back(view);
                continue;
            }
            const ggml_tensor* sum = take(GGML_OP_ADD);
            if (sum == nullptr || added >= views.size() || sum->src[1] != views[added] ||
                sum->src[0] != (added == 1 ? views[0] : chain_.y)) {
                return false;
            }
            chain_.y = sum;
            ++added;
        }
        return chain_.y != nullptr && ggml_is_contiguous(chain_.y) && chain_.y->ne[1] == n_tokens_;
    }

    /// One expert's row is not added to anything, but copied. Of one token.
    bool read_alone(const ggml_tensor& row) {
        const ggml_tensor* view = take(GGML_OP_VIEW);
        chain_.y = take(GGML_OP_CONT);
        return view != nullptr && chain_.y != nullptr && view->src[0] == &row &&
               view->view_offs == 0 && ggml_nelements(view) == row.ne[0] &&
               ggml_is_contiguous(view) && chain_.y->src[0] == view && row.ne[1] == 1 &&
               row.ne[2] == 1 && ggml_is_contiguous(chain_.y);
    }

    /// Whether the graph uses no value of the chain but its result.
    bool is_closed() const {
        for (int i = chain_.first; i < chain_.last; ++i) {
            const ggml_tensor* node = graph_.nodes[i];
            int uses = 0;
            for (int j = i + 1; j <= chain_.last; ++j) {
                uses += static_cast<int>(std::count(std::begin(graph_.nodes[j]->src),
                                                    std::end(graph_.nodes[j]->src), node));
            }
            if ((node->flags & GGML_TENSOR_FLAG_OUTPUT) != 0 ||
                ggml_node_get_use_count(&graph_, i) != uses) {
                return false;
            }
        }
        return true;
    }

    bool describe() {
        const bool is_swapped = glu_->op_params[1] != 0;
        int glu = 0;
        switch (ggml_get_glu_op(glu_)) {
            case GGML_GLU_OP_SWIGLU:
                glu = HEXCORE_CUDA_SWIGLU;
                break;
            case GGML_GLU_OP_GEGLU:
                glu = HEXCORE_CUDA_GEGLU;
                break;
            case GGML_GLU_OP_SWIGLU_OAI:
                if (parameter(*glu_, 2) != oai_alpha || parameter(*glu_, 3) != oai_limit) {
                    return false;
                }
                glu = HEXCORE_CUDA_SWIGLU_OAI;
                break;
            default:
                return false;
        }
        chain_.shape = {
            .up_type = chain_.up->type,
            .down_type = chain_.down->type,
            .n_embd = static_cast<std::int32_t>(chain_.x->ne[0]),
            .n_ff = static_cast<std::int32_t>(chain_.down->ne[0]),
            .n_expert = static_cast<std::int32_t>(chain_.gate->ne[2]),
            .n_used = static_cast<std::int32_t>(chain_.ids->ne[0]),
            .glu = glu,
            .has_biases = chain_.gate_bias != nullptr ? 1 : 0,
            .n_tokens = static_cast<std::int32_t>(n_tokens_),
        };
        return !is_swapped && chain_.y->ne[0] == chain_.x->ne[0] &&
               chain_.down->ne[1] == chain_.x->ne[0] && chain_.x->ne[2] == n_tokens_ &&
               chain_.ids->type == GGML_TYPE_I32 && chain_.ids->nb[0] == sizeof(std::int32_t);
    }

    const ggml_cgraph& graph_;
    int at_;
    ExpertChain chain_;
    std::int64_t n_tokens_ = 0;
    const ggml_tensor* glu_ = nullptr;
};

}  // namespace

std::optional<ExpertChain> find_expert_chain(const ggml_cgraph& graph, int first) {
    return graph.nodes[first]->op == GGML_OP_MUL_MAT_ID ? ChainReader(graph, first).read()
                                                        : std::nullopt;
}

}  // namespace hexcore
