#include "hexcore/runtime/operator_trial.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "ggml-cpp.h"
#include "ggml-cpu.h"
#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

// More than any kernel computes at once.
constexpr std::int64_t rows_kept = 32;
constexpr std::size_t alignment = 64;

/// Zeros that end at a page which nobody may touch.
class FencedZeros {
public:
    explicit FencedZeros(std::size_t size) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t padded = (size + alignment - 1) / alignment * alignment;
        const std::size_t room = (padded + page - 1) / page * page;
        mapped_ = room + page;
        start_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start_ != MAP_FAILED) {
            ::mprotect(static_cast<char*>(start_) + room, page, PROT_NONE);
            data_ = static_cast<char*>(start_) + (room - padded);
        }
    }
    ~FencedZeros() {
        if (start_ != MAP_FAILED) {
            ::munmap(start_, mapped_);
        }
    }
    FencedZeros(const FencedZeros&) = delete;
    FencedZeros& operator=(const FencedZeros&) = delete;

    /// Null where the system refused.
    [[nodiscard]] void* data() const { return data_; }

private:
    std::size_t mapped_ = 0;
    void* start_ = MAP_FAILED;
    void* data_ = nullptr;
};

bool is_product(const ggml_tensor& node) {
    return node.op == GGML_OP_MUL_MAT || node.op == GGML_OP_MUL_MAT_ID;
}

bool computes(const ggml_tensor& node) {
    switch (node.op) {
        case GGML_OP_NONE:
        case GGML_OP_VIEW:
        case GGML_OP_RESHAPE:
        case GGML_OP_PERMUTE:
        case GGML_OP_TRANSPOSE:
            return false;
        default:
            return true;
    }
}

/// What tells operations apart: everything that a kernel looks at before the numbers.
std::string signature(const ggml_tensor& node) {
    std::string text;
    const auto add = [&text](const void* bytes, std::size_t size) {
        text.append(static_cast<const char*>(bytes), size);
    };
    const auto add_layout = [&](const ggml_tensor& tensor) {
        add(&tensor.type, sizeof(tensor.type));
        add(tensor.ne, sizeof(tensor.ne));
        add(tensor.nb, sizeof(tensor.nb));
    };
    add(&node.op, sizeof(node.op));
    add(node.op_params, sizeof(node.op_params));
    add_layout(node);
    for (const ggml_tensor* source : node.src) {
        text += source == nullptr ? '0' : '1';
        if (source != nullptr) {
            add_layout(*source);
        }
    }
    return text;
}

/// The first source that is a weight of the file, or the first at all.
std::string describe(const ggml_tensor& node) {
    const ggml_tensor* named = node.src[0];
    for (const ggml_tensor* source : node.src) {
        if (source != nullptr && std::string_view(source->name).ends_with(".weight")) {
            named = source;
            break;
        }
    }
    std::string text = ggml_op_desc(&node);
    if (named != nullptr) {
        text += fmt::format(" with '{}' of type {}", printable(named->name),
                            ggml_type_name(named->type));
    }
    return text;
}

/// One operation of a graph, alone, in memory of its own.
class TriedOperator {
public:
    explicit TriedOperator(const ggml_tensor& node)
        : context_(ggml_init({.mem_size = 2 * GGML_MAX_SRC * ggml_tensor_overhead() +
                                          ggml_graph_overhead_custom(4 * GGML_MAX_SRC, false),
                              .mem_buffer = nullptr,
                              .no_alloc = true})),
          node_(copy(node)) {
        node_->op = node.op;
        node_->flags = node.flags;
        std::memcpy(node_->op_params, node.op_params, sizeof(node.op_params));
        for (std::size_t i = 0; i < GGML_MAX_SRC; ++i) {
            node_->src[i] = node.src[i] == nullptr ? nullptr : source(*node.src[i]);
        }
        cut();
    }

    [[nodiscard]] Result<void> compute() {
        for (ggml_tensor* tensor = ggml_get_first_tensor(context_.get()); tensor != nullptr;
             tensor = ggml_get_next_tensor(context_.get(), tensor)) {
            memory_.push_back(std::make_unique<FencedZeros>(ggml_nbytes(tensor)));
            tensor->data = memory_.back()->data();
            if (tensor->data == nullptr) {
                return fail(ErrorCode::does_not_fit,
                            "trying out the model's operations maps {} bytes: {}; raise the limit "
                            "that is in the way (ulimit -v, ulimit -d)",
                            ggml_nbytes(tensor), std::strerror(errno));
            }
        }
        ggml_cgraph* graph = ggml_new_graph_custom(context_.get(), 4 * GGML_MAX_SRC, false);
        ggml_build_forward_expand(graph, node_);
        const ggml_backend_ptr backend(ggml_backend_cpu_init());
        ggml_backend_cpu_set_n_threads(backend.get(), 1);
        (void)ggml_backend_graph_compute(backend.get(), graph);
        return {};
    }

private:
    ggml_tensor* copy(const ggml_tensor& tensor) {
        ggml_tensor* twin = ggml_new_tensor(context_.get(), tensor.type, GGML_MAX_DIMS, tensor.ne);
        std::memcpy(twin->nb, tensor.nb, sizeof(tensor.nb));
        return twin;
    }
    ggml_tensor* source(const ggml_tensor& tensor) {
        ggml_tensor*& twin = sources_[&tensor];
        return twin = twin == nullptr ? copy(tensor) : twin;
    }
    /// Over zeros every row that is looked up is row 0 and every expert that is chosen is expert 0,
    /// so the others are never read.
    void cut() {
        // A product that is a Hadamard transform writes all columns, whatever rows the matrix has.
        const bool transforms =
            node_->op == GGML_OP_MUL_MAT && node_->op_params[1] == GGML_HINT_SRC0_IS_HADAMARD;
        if ((!is_product(*node_) && node_->op != GGML_OP_GET_ROWS) || transforms) {
            return;
        }
        ggml_tensor& weights = *node_->src[0];
        weights.ne[1] = std::min(weights.ne[1], rows_kept);
        if (node_->op == GGML_OP_MUL_MAT_ID) {
            weights.ne[2] = 1;
        }
        if (is_product(*node_)) {
            node_->ne[0] = weights.ne[1];
            for (std::size_t i = 1; i < GGML_MAX_DIMS; ++i) {
                node_->nb[i] = node_->nb[i - 1] * static_cast<std::size_t>(node_->ne[i - 1]);
            }
        }
    }

    ggml_context_ptr context_;
    std::map<const ggml_tensor*, ggml_tensor*> sources_;
    ggml_tensor* node_;
    std::vector<std::unique_ptr<FencedZeros>> memory_;
};

}  // namespace

Result<void> try_operators(ggml_cgraph& graph,
                           const std::function<void(std::string_view)>& on_step) {
    std::set<std::string> tried;
    for (int i = 0; i < ggml_graph_n_nodes(&graph); ++i) {
        const ggml_tensor& node = *ggml_graph_node(&graph, i);
        if (!computes(node) || !tried.insert(signature(node)).second) {
            continue;
        }
        on_step(fmt::format("trying {}", describe(node)));
        if (is_product(node) && ggml_get_type_traits_cpu(node.src[0]->type)->vec_dot == nullptr) {
            return fail(ErrorCode::bad_input,
                        "tensor '{}' is of type {}, for which ggml has no matrix product; convert "
                        "the model again to a type that models have, such as q8_0 or q4_K",
                        printable(node.src[0]->name), ggml_type_name(node.src[0]->type));
        }
        HEXCORE_TRY_VOID(TriedOperator(node).compute());
    }
    return {};
}

}  // namespace hexcore
