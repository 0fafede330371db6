#include "hexcore/backend/execution/borrowed_experts.hpp"

#include <algorithm>
#include <chrono>

#include "hexcore/backend/machine.hpp"
#include "hexcore/backend/memory/device_buffer.hpp"

namespace hexcore {
namespace {

/// A copy at a time takes this, or one expert. Smaller ones don't reach the speed of the bus.
constexpr Bytes piece_size = 64_MiB;

std::vector<const ggml_tensor*> weights_of(const ggml_cgraph& graph, const ExpertRegion& region) {
    std::vector<const ggml_tensor*> weights;
    for (int i = region.first; i <= region.last; ++i) {
        if (is_sharded_product(*graph.nodes[i])) {
            weights.push_back(graph.nodes[i]->src[0]);
        }
    }
    return weights;
}

Bytes room_for(const ggml_tensor& weight, std::size_t count) {
    return ExpertLayout::shard_size(Bytes(weight.nb[2] * count));
}

}  // namespace

std::size_t BorrowedExperts::experts_of_piece(const ggml_cgraph& graph,
                                              const ExpertRegion& region) const {
    if (when_ == Borrowing::always) {
        return 2;  // several pieces of small experts, too
    }
    Bytes expert;
    for (const ggml_tensor* weight : weights_of(graph, region)) {
        expert += Bytes(weight->nb[2]);
    }
    return std::max<std::size_t>(1,
                                 piece_size.count() / std::max<std::uint64_t>(1, expert.count()));
}

BorrowedExperts::BorrowedExperts(Device& home, Borrowing when)
    : home_(home), when_(when), scratch_(ggml_gallocr_new(home.buffer_type())), pinned_(home) {}

BorrowedExperts::~BorrowedExperts() {
    if (copier_) {
        ggml_backend_synchronize(copier_.get());
    }
}

bool BorrowedExperts::can_borrow(const ExpertRegion& region, DeviceId host) const {
    const Machine& machine = home_.machine();
    const bool is_gpu = machine.specs()[home_.id().value()].kind == DeviceKind::cuda;
    return !home_.is_host() && (is_gpu || when_ == Borrowing::always) &&
           machine.device(host).is_host() && region.map->count_on(host) > 0;
}

bool BorrowedExperts::pays(const ExpertRegion& region, DeviceId host, ExpertRows& rows,
                           const MainMemoryTimes& times) const {
    std::vector<bool> is_used(region.map->count_on(host));
    for (std::size_t row = 0; row < rows.count(host); ++row) {
        is_used[static_cast<std::size_t>(rows.local_ids()[rows.first(host) + row])] = true;
    }
    const auto used = std::count(is_used.begin(), is_used.end(), true);
    return times.fetching_pays(rows.count(host), static_cast<std::size_t>(used));
}

std::optional<double> BorrowedExperts::measure_bus(const ggml_cgraph& graph,
                                                   const ExpertRegion& region, DeviceId host) {
    const std::size_t most = experts_of_piece(graph, region);
    const std::size_t count = std::min<std::size_t>(most, region.map->count_on(host));
    Bytes size;
    for (const ggml_tensor* weight : weights_of(graph, region)) {
        size += room_for(*weight, count);
    }
    Slot& slot = slots_[0];
    if (!slot.buffer || Bytes(ggml_backend_buffer_get_size(slot.buffer.get())) < size || !start()) {
        return std::nullopt;
    }
    if (slot.is_used) {
        ggml_backend_event_wait(copier_.get(), slot.computed.get());
    }
    const StagedPart::CopiedWeights weights = place(slot, graph, region, count);
    double best = 0;
    for (int time = 0; time < 3; ++time) {
        ggml_backend_synchronize(copier_.get());
        const auto begin = std::chrono::steady_clock::now();
        copy(weights, host, 0);
        ggml_backend_synchronize(copier_.get());
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        best = time == 0 ? seconds.count() : std::min(best, seconds.count());
    }
    return best / static_cast<double>(count);
}

void BorrowedExperts::reserve(const ggml_cgraph& graph, const ExpertRegion& region) {
    if (region.ids->ne[1] < 2) {
        return;
    }
    std::size_t most = 0;
    for (std::size_t d = 0; d < home_.machine().size(); ++d) {
        if (!can_borrow(region, DeviceId(d))) {
            continue;
        }
        most = std::max<std::size_t>(most, region.map->count_on(DeviceId(d)));
        for (const ggml_tensor* weight : weights_of(graph, region)) {
            if (const ShardedTensor* const shards = sharded(weight)) {  // not in a dry run
                pinned_.pin(shards->shards[d]);
            }
        }
    }
    if (most == 0) {
        return;
    }
    const std::size_t count = std::min(most, experts_of_piece(graph, region));
    Bytes size;
    for (const ggml_tensor* weight : weights_of(graph, region)) {
        size += room_for(*weight, count);
    }
    for (Slot& slot : slots_) {
        if (slot.buffer && Bytes(ggml_backend_buffer_get_size(slot.buffer.get())) >= size) {
            continue;
        }
        if (copier_) {
            ggml_backend_synchronize(copier_.get());
        }
        slot.buffer.reset();
        // A refusal is kept by the device's memory.
        if (auto buffer = home_.allocate_experts(size, Purpose::compute)) {
            slot.buffer = std::move(*buffer);
        }
    }
    if (!slots_[0].buffer || !slots_[1].buffer) {
        return;
    }
    const auto rows = std::min(count, static_cast<std::size_t>(region.ids->ne[0])) *
                      static_cast<std::size_t>(region.ids->ne[1]);
    StagedPart part(home_, graph, region, {.slots = 1, .tokens = rows}, *region.x,
                    place(slots_[0], graph, region, count));
    if (!ggml_gallocr_reserve(scratch_.get(), &part.graph())) {
        scratch_.reset(ggml_gallocr_new(home_.buffer_type()));
    }
}

StagedPart::CopiedWeights BorrowedExperts::place(Slot& slot, const ggml_cgraph& graph,
                                                 const ExpertRegion& region, std::size_t count) {
    const std::vector<const ggml_tensor*> weights = weights_of(graph, region);
    StagedPart::CopiedWeights placed;
    slot.weights.assign(weights.size(), {});
    Bytes at;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        ggml_tensor& copy = slot.weights[i];
        copy = *weights[i];
        copy.extra = nullptr;
        copy.view_src = nullptr;
        copy.ne[2] = static_cast<std::int64_t>(count);
        copy.nb[3] = copy.nb[2] * count;
        copy.buffer = unwrapped(slot.buffer.get());
        copy.data =
            static_cast<std::byte*>(ggml_backend_buffer_get_base(slot.buffer.get())) + at.count();
        at += room_for(copy, count);
        placed.emplace_back(weights[i], &copy);
    }
    return placed;
}

bool BorrowedExperts::start() {
    if (!copier_) {
        copier_.reset(home_.start_inner_backend());
        if (!copier_) {
            return false;
        }
        for (Slot& slot : slots_) {
            slot.arrived.reset(ggml_backend_event_new(ggml_backend_get_device(copier_.get())));
            slot.computed.reset(ggml_backend_event_new(ggml_backend_get_device(copier_.get())));
        }
    }
    return slots_[0].arrived && slots_[0].computed && slots_[1].arrived && slots_[1].computed;
}

void BorrowedExperts::copy(const StagedPart::CopiedWeights& weights, DeviceId host,
                           std::size_t first) {
    for (const auto& [weight, copy] : weights) {
        const ggml_tensor& shard = sharded(weight)->shards[host.value()];
        // What kernels read past the last row comes along.
        const std::size_t size = ggml_nbytes(copy) + ExpertLayout::shard_slack.count();
        ggml_tensor bytes = *copy;
        bytes.type = GGML_TYPE_I8;
        bytes.ne[0] = static_cast<std::int64_t>(size);
        bytes.nb[0] = 1;
        make_contiguous(bytes, 1, 1);
        ggml_backend_tensor_set_async(
            copier_.get(), &bytes, static_cast<const std::byte*>(shard.data) + first * shard.nb[2],
            0, size);
    }
}

ggml_status BorrowedExperts::compute(const ggml_cgraph& graph, const ExpertRegion& region,
                                     const Rows& rows, InnerBackend& home,
                                     const ComputeOptions& options) {
    if (!slots_[0].buffer || !slots_[1].buffer || !start()) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    const std::size_t n_experts = region.map->count_on(rows.host);
    const std::size_t most = experts_of_piece(graph, region);
    std::vector<std::int32_t> experts;  // [their number there]
    for (std::size_t e = 0; e < region.map->n_experts(); ++e) {
        if (region.map->device_of(e) == rows.host) {
            experts.push_back(static_cast<std::int32_t>(e));
        }
    }
    for (std::size_t i = 0; i < rows.count; ++i) {
        rows.global_ids[i] = experts[static_cast<std::size_t>(rows.local_ids[i])];
    }
    std::size_t turn = 0;
    std::size_t row = 0;
    for (std::size_t first = 0; first < n_experts; first += most) {
        const std::size_t begin = row;
        const std::size_t count = std::min(most, n_experts - first);
        while (row < rows.count && static_cast<std::size_t>(rows.local_ids[row]) < first + count) {
            rows.local_ids[row++] -= static_cast<std::int32_t>(first);
        }
        if (row == begin) {
            continue;
        }
        Slot& slot = slots_[turn++ % slots_.size()];
        const StagedPart::CopiedWeights weights = place(slot, graph, region, count);
        if (slot.is_used) {
            ggml_backend_event_wait(copier_.get(), slot.computed.get());
        }
        copy(weights, rows.host, first);
        ggml_backend_event_record(slot.arrived.get(), copier_.get());
        home.wait(slot.arrived.get());
        StagedPart part(home_, graph, region, {.slots = 1, .tokens = row - begin}, rows.input,
                        weights);
        if (!ggml_gallocr_alloc_graph(scratch_.get(), &part.graph())) {
            return GGML_STATUS_ALLOC_FAILED;
        }
        ggml_tensor target = rows.result;
        target.data = static_cast<std::byte*>(target.data) + begin * target.nb[1];
        part.place_result(target);
        home.set_async(part.ids(), rows.local_ids + begin, 0, ggml_nbytes(&part.ids()));
        if (ggml_tensor* const ids = part.bias_ids()) {
            home.set_async(*ids, rows.global_ids + begin, 0, ggml_nbytes(ids));
        }
        home.set_async(*part.input_rows(), rows.input_rows + begin, 0,
                       ggml_nbytes(part.input_rows()));
        ggml_cgraph products = part.products();
        const ggml_status status = home.compute(products, options);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
        home.record(slot.computed.get());
        slot.is_used = true;
    }
    return GGML_STATUS_SUCCESS;
}

}  // namespace hexcore
