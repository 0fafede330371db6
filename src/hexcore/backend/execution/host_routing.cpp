#include "hexcore/backend/execution/host_routing.hpp"

#include <algorithm>
#include <cstring>

#include "hexcore/backend/machine.hpp"

// How a region is computed on several host devices in one run of ggml's CPU backend.
//
// A row is one token for one of its chosen experts. Every operation of a region works row by row,
// so the rows may be kept in any order as long as all tensors of the region keep the same one. They
// are kept in the order of the devices: first all rows whose expert is on device 0, then device 1,
// and so on. The tensors of the region keep their memory; only what their rows mean is changed, and
// operations that know nothing of experts (activation functions, scales) run unchanged over all
// rows. A product with a sharded tensor becomes one product for each device, over that device's
// slice of the rows and its own shard: the same ggml kernel on the same numbers, so the result is
// the same to the bit.
//
// Which experts were chosen is known only while the graph runs. So the first node of a region, the
// route, reads the choice, sorts the rows and then changes the shapes and addresses of the products
// that follow it: ggml's threads read a node only after the barrier behind the one before. Products
// without rows are switched off by clearing GGML_TENSOR_FLAG_COMPUTE, which costs no barrier.
//
// The order of nodes stays that of the original graph, product by product and not device by device,
// because the graph allocator reuses the memory of a tensor as soon as its last reader ran.

namespace hexcore {
namespace {

ggml_tensor custom_node(ggml_custom_op_t function, int n_tasks, void* self,
                        const ggml_tensor& result) {
    ggml_tensor node{};
    node.type = GGML_TYPE_F32;
    node.op = GGML_OP_CUSTOM;
    node.flags = GGML_TENSOR_FLAG_COMPUTE;
    node.ne[0] = node.ne[1] = node.ne[2] = node.ne[3] = 1;
    node.nb[0] = node.nb[1] = node.nb[2] = node.nb[3] = sizeof(float);
    node.data = result.data;
    node.buffer = result.buffer;
    const ggml_custom_op_params params{function, n_tasks, self};
    static_assert(sizeof(params) <= sizeof(node.op_params));
    std::memcpy(node.op_params, &params, sizeof(params));
    return node;
}

std::byte* data_of(const ggml_tensor* tensor) { return static_cast<std::byte*>(tensor->data); }

void switch_on(ggml_tensor& node, bool on) {
    node.flags = on ? node.flags | GGML_TENSOR_FLAG_COMPUTE
                    : node.flags & ~static_cast<std::int32_t>(GGML_TENSOR_FLAG_COMPUTE);
}

}  // namespace

std::byte* HostRouting::behind(const ggml_tensor& product) {
    return data_of(&product) + round_up(Bytes(ggml_nbytes(&product)), row_alignment).count();
}

HostRouting::HostRouting(Machine& machine, const ggml_cgraph& graph, const ExpertRegion& region)
    : machine_(machine),
      region_(region),
      rows_(*region.map, *region.ids),
      gathers_(rows_.n_tokens() > 1 || region.x->ne[1] > 1),
      result_(graph.nodes[region.last]) {}

void HostRouting::append_nodes(const ggml_cgraph& graph, Space space,
                               std::vector<ggml_tensor*>& nodes) {
    space_ = space;
    std::size_t n_products = 0;
    std::size_t n_copies = 1;
    for (int i = region_.first; i <= region_.last; ++i) {
        n_products += is_sharded_product(*graph.nodes[i]) ? 1 : 0;
        n_copies += graph.nodes[i]->op == GGML_OP_ADD_ID ? 1 : 0;
    }
    // Reserved, since nodes are handed out by address.
    parts_.reserve(n_products * region_.map->n_devices());
    copies_.reserve(n_copies);

    sorted_ids_ = *region_.ids;
    sorted_ids_.op = GGML_OP_NONE;
    sorted_ids_.data = rows_.global_ids().data();
    make_contiguous(sorted_ids_, static_cast<std::int64_t>(rows_.n_tokens()), 1);

    route_ = custom_node(run_route, 1, this, *result_);
    nodes.push_back(&route_);
    for (int i = region_.first; i <= region_.last; ++i) {
        ggml_tensor* node = graph.nodes[i];
        if (std::find(std::begin(node->src), std::end(node->src), gathered_behind_) !=
            std::end(node->src)) {
            gathered_behind_ = nullptr;  // computed in place, it gives up the space behind itself
        }
        if (is_sharded_product(*node)) {
            std::byte* input = input_of(*node, nodes);
            for (std::size_t d = 0; d < region_.map->n_devices(); ++d) {
                if (region_.map->count_on(DeviceId(d)) > 0) {
                    add_part(*node, DeviceId(d), input);
                    nodes.push_back(&parts_.back().node);
                }
            }
        } else if (node->op == GGML_OP_ADD_ID || node == result_) {
            ggml_tensor& copy = copies_.emplace_back(*node);
            if (node->op == GGML_OP_ADD_ID) {
                copy.src[2] = &sorted_ids_;
            }
            ending_ = node == result_ ? &copy : nullptr;
            nodes.push_back(&copy);
        } else {
            nodes.push_back(node);
        }
    }
    scatter_ = custom_node(run_scatter, GGML_N_TASKS_MAX, this, *result_);
    nodes.push_back(&scatter_);
}

std::byte* HostRouting::input_of(const ggml_tensor& product, std::vector<ggml_tensor*>& nodes) {
    if (product.src[1] != region_.x) {
        return data_of(product.src[1]);
    }
    if (!gathers_) {
        return nullptr;
    }
    if (gathered_behind_ == nullptr && (space_.gathered == nullptr || gathers_made_.empty())) {
        Gather& gather = gathers_made_.emplace_back();
        gather.routing = this;
        gather.to = space_.gathered != nullptr ? space_.gathered : behind(product);
        gather.node = custom_node(run_gather, GGML_N_TASKS_MAX, &gather, *result_);
        nodes.push_back(&gather.node);
        gathered_behind_ = space_.gathered != nullptr ? nullptr : &product;
    }
    return gathers_made_.back().to;
}

void HostRouting::add_part(const ggml_tensor& product, DeviceId device, std::byte* input) {
    Part& part = parts_.emplace_back();
    part.device = device;
    part.node = product;
    part.node.src[0] = const_cast<ggml_tensor*>(&sharded(product.src[0])->shards[device.value()]);
    part.node.src[1] = &part.input;
    part.node.src[2] = &part.ids;
    part.input = *product.src[1];
    part.input.op = GGML_OP_NONE;
    part.input.view_src = nullptr;
    part.input_base = input;
    part.output_base = data_of(&product);
    if (&product == result_) {
        part.output_base = space_.results;
        part.final_base = data_of(&product);
    }
    part.ids = sorted_ids_;
}

void HostRouting::reset() {
    for (Part& part : parts_) {
        set_rows(part, 0, rows());
    }
    if (ending_ != nullptr) {
        ending_->data = space_.results;
    }
    switch_on(scatter_, true);
}

void HostRouting::set_rows(Part& part, std::size_t first, std::size_t count) {
    const auto rows_along_tokens = static_cast<std::int64_t>(gathers_ ? count : 1);
    const auto rows_along_slots = static_cast<std::int64_t>(gathers_ ? 1 : count);
    make_contiguous(part.node, rows_along_slots, rows_along_tokens);
    const bool all = count == rows();
    std::byte* output = all && part.final_base != nullptr ? part.final_base : part.output_base;
    part.node.data = output + first * part.node.nb[1];
    if (part.input_base != nullptr) {
        make_contiguous(part.input, rows_along_slots, rows_along_tokens);
        part.input.data = part.input_base + first * part.input.nb[1];
    }
    part.ids.ne[0] = rows_along_slots;
    make_contiguous(part.ids, rows_along_tokens, 1);
    part.ids.data = rows_.local_ids().data() + first;
    switch_on(part.node, count > 0);
}

void HostRouting::route() {
    rows_.sort(data_of(region_.ids));
    bool one_device = false;
    for (Part& part : parts_) {
        const std::size_t count = rows_.count(part.device);
        set_rows(part, rows_.first(part.device), count);
        one_device = one_device || count == rows();
    }
    // On one device the order is the graph's own, and the result went where it belongs.
    if (ending_ != nullptr) {
        ending_->data = one_device ? result_->data : space_.results;
    }
    switch_on(scatter_, !one_device);
}

void HostRouting::count_rows() const {
    for (const Part& part : parts_) {
        machine_.device(part.device).count_rows(static_cast<std::uint64_t>(ggml_nrows(&part.node)));
    }
}

void HostRouting::run_route(ggml_tensor*, int thread, int, void* self) {
    if (thread == 0) {
        static_cast<HostRouting*>(self)->route();
    }
}

void HostRouting::run_gather(ggml_tensor*, int thread, int n_threads, void* gather) {
    const auto& routing = *static_cast<const Gather*>(gather)->routing;
    std::byte* to = static_cast<const Gather*>(gather)->to;
    const ggml_tensor& x = *routing.region_.x;
    const std::size_t row_size = ggml_row_size(x.type, x.ne[0]);
    for (std::size_t row = static_cast<std::size_t>(thread); row < routing.rows();
         row += static_cast<std::size_t>(n_threads)) {
        std::memcpy(to + row * row_size, data_of(&x) + routing.rows_.input_offset(x, row),
                    row_size);
    }
}

void HostRouting::run_scatter(ggml_tensor*, int thread, int n_threads, void* self) {
    const auto& routing = *static_cast<HostRouting*>(self);
    const std::size_t row_size = routing.result_->nb[1];
    for (std::size_t row = static_cast<std::size_t>(thread); row < routing.rows();
         row += static_cast<std::size_t>(n_threads)) {
        const auto at = static_cast<std::size_t>(routing.rows_.order()[row]);
        std::memcpy(data_of(routing.result_) + at * row_size,
                    routing.space_.results + row * row_size, row_size);
    }
}

}  // namespace hexcore
