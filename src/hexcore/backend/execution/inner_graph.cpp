#include "hexcore/backend/execution/inner_graph.hpp"

#include <algorithm>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"
#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"

namespace hexcore {
namespace {

// Weights have no memory in a dry run. An allocator must still not take them for tensors to place.
void* const not_to_be_placed = reinterpret_cast<void*>(0x1000);

}  // namespace

ggml_cgraph part_of(const ggml_cgraph& graph, int first, int end) {
    ggml_cgraph part = graph;
    part.nodes += first;
    part.n_nodes = end - first;
    part.size = 0;
    part.leafs = nullptr;
    part.n_leafs = 0;
    part.uid = 0;
    return part;
}

InnerGraph::~InnerGraph() {
    if (graph_.visited_hash_set.size > 0) {
        ggml_hash_set_free(&graph_.visited_hash_set);
    }
}

ggml_tensor& InnerGraph::leaf(const ggml_tensor& tensor) { return find_or_leaf(tensor); }

ggml_tensor& InnerGraph::find_or_leaf(const ggml_tensor& tensor) {
    if (const auto found = copies_.find(&tensor); found != copies_.end()) {
        return *found->second;
    }
    const ggml_tensor* original = &tensor;
    if (const ShardedTensor* weight = sharded(original)) {
        original = &weight->shards[device_.id().value()];
    }
    ggml_tensor& copy = tensors_.emplace_back(*original);
    copy.op = GGML_OP_NONE;
    std::fill(std::begin(copy.src), std::end(copy.src), nullptr);
    if (copy.buffer == nullptr && copy.view_src != nullptr) {
        copy.buffer = copy.view_src->buffer;
    }
    copy.view_src = nullptr;
    copy.view_offs = 0;
    copy.extra = nullptr;
    copy.buffer = unwrapped(copy.buffer);
    if (copy.data == nullptr) {
        place_later(copy);
    }
    copies_.emplace(&tensor, &copy);
    leafs_.push_back(&copy);
    return copy;
}

ggml_tensor& InnerGraph::add_node(const ggml_tensor& node, int use_count) {
    ggml_tensor& copy = tensors_.emplace_back(node);
    copy.extra = nullptr;
    copy.buffer = unwrapped(copy.buffer);
    for (ggml_tensor*& source : copy.src) {
        source = source == nullptr ? nullptr : &find_or_leaf(*source);
    }
    if (copy.view_src != nullptr) {
        copy.view_src = &find_or_leaf(*copy.view_src);
    }
    copies_[&node] = &copy;
    nodes_.push_back(&copy);
    node_uses_.push_back(use_count);
    return copy;
}

ggml_tensor& InnerGraph::add_input(ggml_type type, std::int64_t ne0, std::int64_t ne1,
                                   std::int64_t ne2) {
    ggml_tensor& input = tensors_.emplace_back();
    input.type = type;
    input.flags = GGML_TENSOR_FLAG_INPUT;
    input.ne[0] = ne0;
    make_contiguous(input, ne1, ne2);
    leafs_.push_back(&input);
    return input;
}

ggml_tensor& InnerGraph::add_operation(ggml_op op, std::array<std::int64_t, 3> ne,
                                       std::initializer_list<ggml_tensor*> sources, int use_count) {
    ggml_tensor& node = tensors_.emplace_back();
    node.type = GGML_TYPE_F32;
    node.op = op;
    node.flags = GGML_TENSOR_FLAG_COMPUTE;
    node.ne[0] = ne[0];
    make_contiguous(node, ne[1], ne[2]);
    std::copy(sources.begin(), sources.end(), std::begin(node.src));
    nodes_.push_back(&node);
    node_uses_.push_back(use_count);
    return node;
}

void InnerGraph::place_later(ggml_tensor& tensor) { tensor.data = not_to_be_placed; }

ggml_cgraph& InnerGraph::finish() {
    if (graph_.n_nodes > 0) {
        return graph_;
    }
    graph_.size = static_cast<int>(std::max(nodes_.size(), leafs_.size()));
    graph_.n_nodes = static_cast<int>(nodes_.size());
    graph_.n_leafs = static_cast<int>(leafs_.size());
    graph_.nodes = nodes_.data();
    graph_.leafs = leafs_.data();
    graph_.visited_hash_set = ggml_hash_set_new(nodes_.size() * 2 + 1);
    use_counts_.assign(graph_.visited_hash_set.size, 0);
    graph_.use_counts = use_counts_.data();
    graph_.uid = ggml_graph_next_uid();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        use_counts_[ggml_hash_insert(&graph_.visited_hash_set, nodes_[i])] = node_uses_[i];
    }
    return graph_;
}

void InnerGraph::enter_inner_buffers() {
    for (ggml_tensor& tensor : tensors_) {
        tensor.buffer = unwrapped(tensor.buffer);
    }
}

}  // namespace hexcore
