#include "hexcore/backend/execution/staged_region.hpp"

#include "ggml-backend.h"
#include "hexcore/backend/device.hpp"

namespace hexcore {

bool is_single_token(const ExpertRegion& region) {
    return region.ids->ne[1] == 1 && region.x->ne[1] == 1;
}

StagedPart::StagedPart(Device& device, const ggml_cgraph& original, const ExpertRegion& region,
                       std::size_t rows)
    : graph_(device),
      single_token_(is_single_token(region)),
      slots_(static_cast<std::int64_t>(single_token_ ? rows : 1)),
      tokens_(static_cast<std::int64_t>(single_token_ ? 1 : rows)) {
    input_ = &graph_.add_input(region.x->type, region.x->ne[0], 1, tokens_);
    ids_ = &graph_.add_input(GGML_TYPE_I32, slots_, tokens_, 1);
    graph_.replace(*region.x, *input_);
    graph_.replace(*region.ids, *ids_);
    for (int i = region.first; i <= region.last; ++i) {
        add_node(*original.nodes[i], ggml_node_get_use_count(&original, i));
    }
    result_ = &graph_.leaf(*original.nodes[region.last]);
    result_->flags |= GGML_TENSOR_FLAG_OUTPUT;
}

void StagedPart::add_node(const ggml_tensor& node, int use_count) {
    ggml_tensor& copy = graph_.add_node(node, use_count);
    copy.data = nullptr;
    copy.buffer = nullptr;
    if (node.op == GGML_OP_ADD_ID) {
        // The biases are at home, and small: each row's own is sent along.
        ggml_tensor& rows = graph_.add_input(GGML_TYPE_F32, node.ne[0], slots_, tokens_);
        copy.op = GGML_OP_ADD;
        copy.src[1] = &rows;
        copy.src[2] = nullptr;
        biases_.push_back({node.src[1], &rows});
    }
    set_shape(copy);
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

void StagedPart::set_input(const std::byte* rows) const {
    ggml_backend_tensor_set(input_, rows, 0, ggml_nbytes(input_));
}

void StagedPart::set_ids(const std::int32_t* local_ids) const {
    ggml_backend_tensor_set(ids_, local_ids, 0, ggml_nbytes(ids_));
}

void StagedPart::get_result(std::byte* rows) const {
    ggml_backend_tensor_get(result_, rows, 0, ggml_nbytes(result_));
}

}  // namespace hexcore
