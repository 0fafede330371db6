#include "hexcore/backend/execution/expert_region.hpp"

#include <algorithm>

namespace hexcore {
namespace {

bool is_elementwise(ggml_op op) {
    switch (op) {
        case GGML_OP_UNARY:
        case GGML_OP_SCALE:
        case GGML_OP_CLAMP:
        case GGML_OP_SQR:
        case GGML_OP_SQRT:
        case GGML_OP_GLU:
        case GGML_OP_ADD:
        case GGML_OP_SUB:
        case GGML_OP_MUL:
        case GGML_OP_DIV:
            return true;
        default:
            return false;
    }
}

/// A view that takes the same columns of every row.
bool is_row_view(const ggml_tensor& node) {
    const ggml_tensor* from = node.src[0];
    return node.op == GGML_OP_VIEW && from != nullptr && node.view_src == from &&
           node.ne[1] == from->ne[1] && node.ne[2] == from->ne[2] && node.ne[3] == from->ne[3] &&
           node.nb[0] == from->nb[0] && node.nb[1] == from->nb[1] && node.nb[2] == from->nb[2] &&
           node.view_offs + static_cast<std::size_t>(node.ne[0]) * node.nb[0] <= from->nb[1];
}

class RegionFinder {
public:
    RegionFinder(const ggml_cgraph& graph, int first) : graph_(graph), first_(first) {
        const ggml_tensor& node = *graph.nodes[first];
        region_ = {first, first, expert_map_of(*node.src[0]), node.src[2], node.src[1]};
        members_.push_back(&node);
    }

    ExpertRegion find() {
        int closed_at = first_;
        for (int i = first_ + 1; i < graph_.n_nodes && accepts(*graph_.nodes[i]); ++i) {
            members_.push_back(graph_.nodes[i]);
            if (!is_closed()) {
                continue;
            }
            closed_at = i;
            if (is_sharded_product(*graph_.nodes[i])) {
                region_.last = i;
            }
        }
        if (region_.last == first_) {
            region_.last = closed_at;  // with adapters, the products' sum is where it closes
        }
        return region_;
    }

private:
    bool is_member(const ggml_tensor* tensor) const {
        return std::find(members_.begin(), members_.end(), tensor) != members_.end();
    }

    bool accepts(const ggml_tensor& node) const {
        if ((node.flags & GGML_TENSOR_FLAG_OUTPUT) != 0) {
            return false;
        }
        if (is_sharded_product(node)) {
            return expert_map_of(*node.src[0]) == region_.map && node.src[2] == region_.ids &&
                   (node.src[1] == region_.x || is_member(node.src[1]));
        }
        if (node.op == GGML_OP_ADD_ID) {
            return is_member(node.src[0]) && node.src[2] == region_.ids;
        }
        if (is_row_view(node)) {
            return is_member(node.src[0]);
        }
        if (!is_elementwise(node.op)) {
            return false;
        }
        for (const ggml_tensor* source : node.src) {
            if (source != nullptr && (!is_member(source) || !same_rows(*source, node))) {
                return false;
            }
        }
        return true;
    }

    static bool same_rows(const ggml_tensor& a, const ggml_tensor& b) {
        return a.ne[1] == b.ne[1] && a.ne[2] == b.ne[2] && a.ne[3] == b.ne[3];
    }

    /// Whether all members but the newest are used by members only, so that the graph never sees
    /// the order in which their rows are kept.
    bool is_closed() const {
        for (std::size_t i = 0; i + 1 < members_.size(); ++i) {
            int uses = 0;
            for (const ggml_tensor* member : members_) {
                uses += static_cast<int>(
                    std::count(std::begin(member->src), std::end(member->src), members_[i]));
            }
            if (ggml_node_get_use_count(&graph_, first_ + static_cast<int>(i)) != uses) {
                return false;
            }
        }
        return true;
    }

    const ggml_cgraph& graph_;
    const int first_;
    ExpertRegion region_;
    std::vector<const ggml_tensor*> members_;
};

}  // namespace

bool is_sharded_product(const ggml_tensor& node) {
    return node.op == GGML_OP_MUL_MAT_ID && expert_map_of(*node.src[0]) != nullptr;
}

bool is_routed(const ggml_tensor& node) {
    return is_sharded_product(node) && !expert_map_of(*node.src[0])->whole();
}

std::uint64_t row_count(const ggml_tensor& product) {
    return static_cast<std::uint64_t>(product.src[2]->ne[0] * product.src[2]->ne[1]);
}

bool continues_region(const ggml_tensor& node) {
    const ggml_tensor* from = node.src[1];
    while (from != nullptr) {
        if (is_sharded_product(*from)) {
            return true;
        }
        if (!is_elementwise(from->op) && from->op != GGML_OP_ADD_ID && !is_row_view(*from)) {
            return false;
        }
        from = from->src[0];
    }
    return false;
}

ExpertRegion find_region(const ggml_cgraph& graph, int first) {
    return RegionFinder(graph, first).find();
}

}  // namespace hexcore
