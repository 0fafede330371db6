#include "hexcore/backend/ggml_layout.hpp"

#include <cstring>
#include <string_view>

#include "ggml-backend-impl.h"
#include "ggml-cpp.h"
#include "ggml-impl.h"

// What is looked at first protects what comes after it: another version is refused before anything
// is made, and a structure is read only after ggml's own functions were seen to agree on its size.

namespace hexcore {
namespace {

/// In ggml.c: offset, size, next, type and padding.
constexpr std::size_t object_header_size = 2 * sizeof(std::size_t) + sizeof(void*) + 8;

tl::unexpected<Error> differs(std::string_view what) {
    return fail(ErrorCode::missing_device, {{Change::build_for_llama}},
                "this program's ggml is not the one that Hexcore was built for: {}", what);
}

Result<void> check_version() {
    const std::string_view built = HEXCORE_GGML_VERSION;
    const std::string_view found = ggml_version();
    if (!built.empty() && built != found) {
        return differs(fmt::format("its version is {}, not {}", found, built));
    }
    return {};
}

Result<void> check_numbers() {
    struct Operation {
        ggml_op op;
        const char* name;
    };
    constexpr Operation operations[] = {
        {GGML_OP_NONE, "NONE"},     {GGML_OP_ADD_ID, "ADD_ID"}, {GGML_OP_MUL_MAT_ID, "MUL_MAT_ID"},
        {GGML_OP_SCALE, "SCALE"},   {GGML_OP_VIEW, "VIEW"},     {GGML_OP_CLAMP, "CLAMP"},
        {GGML_OP_CUSTOM, "CUSTOM"}, {GGML_OP_UNARY, "UNARY"},   {GGML_OP_GLU, "GLU"}};
    for (const auto& [op, name] : operations) {
        if (std::strcmp(ggml_op_name(op), name) != 0) {
            return differs(fmt::format("its operation {} is {}, not {}", static_cast<int>(op),
                                       ggml_op_name(op), name));
        }
    }
    for (const auto& [type, name] : {std::pair{GGML_TYPE_F32, "f32"}, {GGML_TYPE_I32, "i32"}}) {
        if (std::strcmp(ggml_type_name(type), name) != 0) {
            return differs(fmt::format("its type {} is {}, not {}", static_cast<int>(type),
                                       ggml_type_name(type), name));
        }
    }
    return {};
}

Result<void> check_tensor(ggml_context* context) {
    const std::size_t size = ggml_tensor_overhead() - object_header_size;
    if (size != sizeof(ggml_tensor)) {
        return differs(fmt::format("its tensors have {} bytes, not {}", size, sizeof(ggml_tensor)));
    }
    ggml_tensor* whole = ggml_new_tensor_3d(context, GGML_TYPE_F32, 5, 3, 2);
    ggml_tensor* view = ggml_view_1d(context, whole, 5, 20);
    ggml_set_name(whole, "layout");
    const bool same = whole->type == GGML_TYPE_F32 && whole->op == GGML_OP_NONE &&
                      whole->ne[0] == 5 && whole->ne[2] == 2 && whole->nb[2] == 60 &&
                      std::strcmp(whole->name, "layout") == 0 && whole->data == nullptr &&
                      whole->extra == nullptr && whole->buffer == nullptr &&
                      view->op == GGML_OP_VIEW && view->src[0] == whole &&
                      view->view_src == whole && view->view_offs == 20;
    return same ? Result<void>() : differs("the fields of its tensors lie elsewhere");
}

Result<void> check_graph(ggml_context* context) {
    ggml_tensor* source = ggml_new_tensor_1d(context, GGML_TYPE_F32, 4);
    ggml_tensor* result = ggml_sqr(context, ggml_sqrt(context, source));
    ggml_cgraph* graph = ggml_new_graph_custom(context, 16, false);
    ggml_build_forward_expand(graph, result);
    const bool same = graph->size == ggml_graph_size(graph) && graph->n_nodes == 2 &&
                      ggml_graph_n_nodes(graph) == 2 && graph->nodes[1] == result &&
                      ggml_node_get_use_count(graph, 0) == 1 && graph->n_leafs == 1 &&
                      graph->leafs[0] == source;
    return same ? Result<void>() : differs("the fields of its graphs lie elsewhere");
}

Result<void> check_buffer() {
    constexpr std::size_t size = 4096;
    ggml_backend_buffer_type type{};
    int owner = 0;
    ggml_backend_buffer_t buffer = ggml_backend_buffer_init(&type, {}, &owner, size);
    ggml_backend_buffer_set_usage(buffer, GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    const bool same = buffer->size == size && ggml_backend_buffer_get_size(buffer) == size &&
                      buffer->buft == &type && ggml_backend_buffer_get_type(buffer) == &type &&
                      buffer->context == &owner &&
                      buffer->usage == GGML_BACKEND_BUFFER_USAGE_WEIGHTS;
    if (!same) {
        return differs("the fields of its buffers lie elsewhere");  // nor can it be freed safely
    }
    ggml_backend_buffer_free(buffer);
    return {};
}

}  // namespace

Result<void> check_ggml_layout() {
    HEXCORE_TRY_VOID(check_version());
    HEXCORE_TRY_VOID(check_numbers());
    const ggml_context_ptr context(
        ggml_init({.mem_size = std::size_t{1} << 16U, .mem_buffer = nullptr, .no_alloc = true}));
    HEXCORE_TRY_VOID(check_tensor(context.get()));
    HEXCORE_TRY_VOID(check_graph(context.get()));
    return check_buffer();
}

}  // namespace hexcore
