#include "hexcore/backend/execution/fused_execution.hpp"

#include <algorithm>

#include "ggml-cpu.h"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

Bytes rows_size(std::int64_t columns, std::uint64_t rows) {
    return round_up(Bytes(sizeof(float)) * static_cast<std::uint64_t>(columns) * rows,
                    HostRouting::row_alignment);
}

Bytes input_size(const ggml_tensor& product) {
    return rows_size(product.src[1]->ne[0], row_count(product));
}

Bytes result_size(const ggml_tensor& product) {
    return rows_size(product.ne[0], row_count(product));
}

/// What a region needs outside the space that the graph allocator left behind its products: one
/// that begins with a down projection, or ends with something else, has its rows in scratch memory.
struct Outside {
    Bytes input;
    Bytes result;
};

Outside outside_of(const ggml_cgraph& graph, const ExpertRegion& region) {
    const ggml_tensor& first = *graph.nodes[region.first];
    const ggml_tensor& last = *graph.nodes[region.last];
    const bool has_input_space = !continues_region(first);
    const bool has_result_space = is_sharded_product(last) && continues_region(last);
    return {.input = has_input_space ? Bytes{} : input_size(first),
            .result = has_result_space ? Bytes{} : rows_size(last.ne[0], row_count(first))};
}

Bytes scratch_size(const ggml_cgraph& graph, const ExpertRegion& region) {
    const Outside outside = outside_of(graph, region);
    return outside.input + outside.result;
}

}  // namespace

Bytes routing_space(const ggml_tensor& node) {
    if (!is_routed(node)) {
        return {};
    }
    const Bytes size = continues_region(node) ? result_size(node) : input_size(node);
    return size + HostRouting::row_alignment;
}

std::unique_ptr<ExpertExecution> FusedExecution::create(Device& home) {
    ggml_backend_ptr inner(ggml_backend_cpu_init());
    if (!inner) {
        return nullptr;
    }
    return std::unique_ptr<ExpertExecution>(new FusedExecution(home, std::move(inner)));
}

void FusedExecution::reserve(const ggml_cgraph& graph) {
    Bytes scratch;
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (is_routed(*graph.nodes[i])) {
            const ExpertRegion region = find_region(graph, i);
            scratch = std::max(scratch, scratch_size(graph, region));
            i = region.last;
        }
    }
    // A refusal is kept by the device's memory, where the load finds it.
    (void)take_scratch(scratch);
}

ggml_status FusedExecution::compute(ggml_cgraph& graph) {
    ggml_cgraph* rewritten = rewrite(&graph);
    if (rewritten == nullptr) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    const ggml_status status = ggml_backend_graph_compute(inner_.get(), rewritten);
    if (status == GGML_STATUS_SUCCESS) {
        count_rows();
    }
    return status;
}

void FusedExecution::set_threads(int n_threads) {
    ggml_backend_cpu_set_n_threads(inner_.get(), n_threads);
}

void FusedExecution::set_abort_callback(ggml_abort_callback callback, void* data) {
    ggml_backend_cpu_set_abort_callback(inner_.get(), callback, data);
}

ggml_cgraph* FusedExecution::rewrite(ggml_cgraph* graph) {
    if (graph->uid == 0 || graph->uid != uid_) {
        uid_ = 0;
        if (!build(*graph)) {
            return nullptr;
        }
        uid_ = graph->uid;
    }
    if (routings_.empty() && whole_products_.empty()) {
        return graph;
    }
    for (const auto& routing : routings_) {
        routing->reset();
    }
    return &rewritten_;
}

bool FusedExecution::build(ggml_cgraph& graph) {
    nodes_.clear();
    routings_.clear();
    whole_products_.clear();
    std::deque<ExpertRegion> regions;
    Bytes scratch;
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (is_routed(*graph.nodes[i])) {
            const ExpertRegion& region = regions.emplace_back(find_region(graph, i));
            scratch = std::max(scratch, scratch_size(graph, region));
            i = region.last;
        }
    }
    if (!take_scratch(scratch)) {
        return false;
    }
    for (int i = 0; i < graph.n_nodes; ++i) {
        const ggml_tensor& node = *graph.nodes[i];
        if (!is_sharded_product(node)) {
            nodes_.push_back(graph.nodes[i]);
        } else if (!is_routed(node)) {
            append_whole(node);
        } else {
            append_region(graph, regions.front());
            i = regions.front().last;
            regions.pop_front();
        }
    }
    // Everything but the list of nodes stays the original's: kernels look up use counts in it.
    rewritten_ = graph;
    rewritten_.nodes = nodes_.data();
    rewritten_.n_nodes = static_cast<int>(nodes_.size());
    rewritten_.uid = 0;
    return true;
}

void FusedExecution::append_whole(const ggml_tensor& product) {
    // ggml's fast kernels pass by a weight with `extra`, so the product is made with the shard.
    const ShardedTensor& weight = *sharded(product.src[0]);
    ggml_tensor& node = whole_products_.emplace_back(product);
    node.src[0] = const_cast<ggml_tensor*>(&weight.shards[weight.map->home().value()]);
    nodes_.push_back(&node);
}

bool FusedExecution::take_scratch(Bytes size) {
    if (size == Bytes{} || (scratch_ && scratch_->size() >= size)) {
        return true;
    }
    scratch_.reset();
    auto block = home_.memory().take(size, Purpose::compute);
    if (!block) {
        return false;
    }
    scratch_ = std::move(*block);
    return true;
}

void FusedExecution::append_region(const ggml_cgraph& graph, const ExpertRegion& region) {
    const Outside outside = outside_of(graph, region);
    const ggml_tensor& last = *graph.nodes[region.last];
    HostRouting::Space space;
    if (outside.input > Bytes{}) {
        space.gathered = static_cast<std::byte*>(scratch_->data());
    }
    space.results = outside.result == Bytes{}
                        ? HostRouting::behind(last)
                        : static_cast<std::byte*>(scratch_->data()) + outside.input.count();
    auto routing = std::make_unique<HostRouting>(home_.machine(), graph, region);
    routing->append_nodes(graph, space, nodes_);
    routings_.push_back(std::move(routing));
}

void FusedExecution::count_rows() const {
    for (const ggml_tensor& product : whole_products_) {
        home_.count_rows(row_count(product));
    }
    for (const auto& routing : routings_) {
        routing->count_rows();
    }
}

}  // namespace hexcore
