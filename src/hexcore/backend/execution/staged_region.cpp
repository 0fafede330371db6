#include "hexcore/backend/execution/staged_region.hpp"

#include <algorithm>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"

namespace hexcore {
namespace {

int uses_in(const ExpertRegion& region, const ggml_cgraph& graph, const ggml_tensor* tensor) {
    int uses = 0;
    for (int i = region.first; i <= region.last; ++i) {
        uses += static_cast<int>(
            std::count(std::begin(graph.nodes[i]->src), std::end(graph.nodes[i]->src), tensor));
    }
    return uses;
}

}  // namespace

StagedPart::StagedPart(Device& device, Place place, const ggml_cgraph& original,
                       const ExpertRegion& region, RowGroups groups, std::size_t all_rows,
                       const ExpertBiases& biases)
    : graph_(device),
      device_(device.id()),
      single_token_(is_single_token(region)),
      slots_(static_cast<std::int64_t>(groups.slots)),
      tokens_(static_cast<std::int64_t>(groups.tokens)) {
    add_input(*region.x, place);
    first_product_ = graph_.size();
    if (groups.rows() > 0) {
        add_products(original, region, &biases);
    }
    last_product_ = graph_.size();
    if (place == Place::home) {
        add_ordering(*original.nodes[region.last], all_rows);
    }
}

StagedPart::StagedPart(Device& device, const ggml_cgraph& original, const ExpertRegion& region,
                       RowGroups groups, const ggml_tensor& input, const CopiedWeights& weights)
    : graph_(device),
      device_(device.id()),
      single_token_(false),
      slots_(static_cast<std::int64_t>(groups.slots)),
      tokens_(static_cast<std::int64_t>(groups.tokens)) {
    input_ = &graph_.leaf(input);
    make_contiguous(*input_, ggml_nrows(&input), 1);
    for (const auto& [weight, copy] : weights) {
        graph_.replace(*weight, *copy);
    }
    add_products(original, region, nullptr);
    last_product_ = graph_.size();
    place_result_later();
}

void StagedPart::add_input(const ggml_tensor& x, Place place) {
    const std::int64_t rows = ggml_nrows(&x);
    if (place == Place::elsewhere) {
        input_ = &graph_.add_input(x.type, x.ne[0], rows, 1);
        return;
    }
    input_ = &graph_.leaf(x);
    if (ggml_is_contiguous(&x)) {
        make_contiguous(*input_, rows, 1);
    } else {
        input_ = &graph_.add_operation(GGML_OP_CONT, {x.ne[0], rows, 1}, {input_}, 1);
        input_->flags |= GGML_TENSOR_FLAG_OUTPUT;  // other devices get it from here
    }
}

void StagedPart::add_products(const ggml_cgraph& original, const ExpertRegion& region,
                              const ExpertBiases* biases) {
    ids_ = &graph_.add_input(GGML_TYPE_I32, slots_, tokens_, 1);
    graph_.replace(*region.ids, *ids_);
    if (single_token_) {
        graph_.replace(*region.x, *input_);
    } else {
        input_rows_ = &graph_.add_input(GGML_TYPE_I32, slots_ * tokens_, 1, 1);
        graph_.replace(*region.x, graph_.add_operation(
                                      GGML_OP_GET_ROWS, {region.x->ne[0], slots_, tokens_},
                                      {input_, input_rows_}, uses_in(region, original, region.x)));
    }
    for (int i = region.first; i <= region.last; ++i) {
        const ggml_tensor& node = *original.nodes[i];
        const int use_count = ggml_node_get_use_count(&original, i);
        if (node.op == GGML_OP_ADD_ID && biases == nullptr) {
            add_bias_of_all(node, region, use_count);
            continue;
        }
        if (node.op == GGML_OP_ADD_ID) {
            graph_.replace(*node.src[1], biases->on(device_, *node.src[1]));
        }
        add_node(node, use_count);
    }
    result_ = &graph_.leaf(*original.nodes[region.last]);
    result_->flags |= GGML_TENSOR_FLAG_OUTPUT;
}

void StagedPart::add_node(const ggml_tensor& node, int use_count) {
    ggml_tensor& copy = graph_.add_node(node, use_count);
    copy.data = nullptr;
    copy.buffer = nullptr;
    set_shape(copy);
}

void StagedPart::add_bias_of_all(const ggml_tensor& node, const ExpertRegion& region,
                                 int use_count) {
    if (bias_ids_ == nullptr) {
        bias_ids_ = &graph_.add_input(GGML_TYPE_I32, slots_, tokens_, 1);
    }
    graph_.replace(*region.ids, *bias_ids_);
    add_node(node, use_count);
    graph_.replace(*region.ids, *ids_);
}

void StagedPart::set_shape(ggml_tensor& copy) const {
    if (copy.op == GGML_OP_VIEW) {
        const ggml_tensor& from = *copy.src[0];
        copy.ne[1] = slots_;
        copy.ne[2] = tokens_;
        copy.nb[1] = from.nb[1];
        copy.nb[2] = from.nb[2];
        copy.nb[3] = from.nb[3];
    } else {
        make_contiguous(copy, slots_, tokens_);
    }
}

void StagedPart::add_ordering(const ggml_tensor& result, std::size_t all_rows) {
    const std::int64_t rows = ggml_nrows(&result);
    sorted_ = &graph_.add_input(result.type, result.ne[0], static_cast<std::int64_t>(all_rows), 1);
    places_ = &graph_.add_input(GGML_TYPE_I32, rows, 1, 1);
    if (result_ != nullptr) {
        place_result_later();  // among the sorted rows
    }
    ggml_tensor& ordered =
        graph_.add_operation(GGML_OP_GET_ROWS, {result.ne[0], rows, 1}, {sorted_, places_}, 0);
    ordered.buffer = result.buffer != nullptr || result.view_src == nullptr
                         ? result.buffer
                         : result.view_src->buffer;
    ordered.data = result.data;
    if (ordered.data == nullptr) {
        InnerGraph::place_later(ordered);
    }
}

void StagedPart::place_result_later() {
    result_->view_src = nullptr;
    result_->view_offs = 0;
    InnerGraph::place_later(*result_);
}

void StagedPart::place_result(const ggml_tensor& target) {
    result_->data = target.data;
    result_->buffer = target.buffer;
    graph_.enter_inner_buffers();
}

void StagedPart::enter_memory(std::size_t first_row) {
    if (sorted_ != nullptr && result_ != nullptr) {
        result_->data = static_cast<std::byte*>(sorted_->data) + first_row * sorted_->nb[1];
        result_->buffer = sorted_->buffer;
    }
    graph_.enter_inner_buffers();
}

ggml_tensor StagedPart::sorted(std::size_t first, std::size_t count) const {
    ggml_tensor slice = *sorted_;
    slice.data = static_cast<std::byte*>(sorted_->data) + first * sorted_->nb[1];
    make_contiguous(slice, static_cast<std::int64_t>(count), 1);
    return slice;
}

}  // namespace hexcore
