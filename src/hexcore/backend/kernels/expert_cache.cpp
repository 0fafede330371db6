#include "hexcore/backend/kernels/expert_cache.hpp"

#include <algorithm>
#include <numeric>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "hexcore/backend/kernels/host_layer.hpp"

namespace hexcore {
namespace {

/// What a token's uploads may take of the bus: less than it leaves free in the time of a token, so
/// that they are complete when the next one ends.
constexpr std::size_t most_upload_bytes = std::size_t{64} << 20U;

/// Gate, up if it is another one, and down.
std::vector<const ggml_tensor*> weights_of(const ExpertChain& chain) {
    return chain.up == chain.gate
               ? std::vector<const ggml_tensor*>{chain.gate, chain.down}
               : std::vector<const ggml_tensor*>{chain.gate, chain.up, chain.down};
}

}  // namespace

ExpertCache::~ExpertCache() {
    if (uploads_ != nullptr) {
        library_->close_uploads(uploads_);
    }
    if (memory_ != nullptr) {
        memory_->release();
    }
}

void ExpertCache::add_layer(const ExpertChain& chain) {
    if (table_ || layers_.count(chain.gate) != 0) {
        return;
    }
    Layer& layer = layers_[chain.gate];
    layer.row = rows_.size();
    for (const ggml_tensor* weight : weights_of(chain)) {
        layer.parts.emplace_back(weight->nb[2]);
    }
    layer.slots.assign(static_cast<std::size_t>(chain.shape.n_expert), -1);
    rows_.push_back(&layer);
    most_experts_ = std::max(most_experts_, layer.slots.size());
}

void ExpertCache::reserve() {
    ExpertCacheMemory* const memory = home_.expert_cache();
    if (memory == nullptr || memory_ != nullptr || rows_.empty() || has_failed_ ||
        !memory->claim()) {
        return;
    }
    memory_ = memory;
    auto table = home_.allocate_experts(Bytes(rows_.size() * most_experts_ * sizeof(std::int32_t)),
                                        Purpose::compute);
    has_failed_ = !table.has_value();
    if (has_failed_) {
        return;
    }
    table_ = std::move(*table);
    const std::size_t uploads = most_upload_bytes / memory->slot_size().count();
    policy_ = std::make_unique<CachePolicy>(CachePolicyOptions{
        .slots = memory->slots(),
        .uploads_per_token = static_cast<std::uint32_t>(std::max<std::size_t>(1, uploads))});
    holds_.resize(memory->slots());
    is_held_.resize(memory->slots());
}

bool ExpertCache::open(const KernelLibrary& library, hexcore_cuda_engine* engine) {
    if (uploads_ != nullptr || has_failed_ || !policy_) {
        return uploads_ != nullptr && !has_failed_;
    }
    library_ = &library;
    engine_ = engine;
    has_failed_ = library.open_uploads(engine, &uploads_) != 0;
    for (Layer* layer : rows_) {
        layer->has_changed = true;
    }
    return !has_failed_ && write_table();
}

std::int32_t* ExpertCache::table_row(const Layer& layer) const {
    return static_cast<std::int32_t*>(ggml_backend_buffer_get_base(table_.get())) +
           layer.row * most_experts_;
}

void ExpertCache::join(ChainWork& work, const ExpertChain& chain, const KernelLibrary& library,
                       hexcore_cuda_engine* engine) {
    const auto found = layers_.find(chain.gate);
    if (found == layers_.end() || !open(library, engine) ||
        !memory_->has_room_for(found->second.parts)) {
        return;
    }
    Layer& layer = found->second;
    const std::size_t host = work.host->device().id().value();
    layer.map = sharded(chain.gate)->map;
    layer.shards.clear();
    for (const ggml_tensor* weight : weights_of(chain)) {
        layer.shards.push_back(&sharded(weight)->shards[host]);
    }
    const std::vector<Bytes> offsets = ExpertCacheMemory::offsets_of(layer.parts);
    // Of merged weights up's rows are behind gate's.
    const std::uint64_t up_at =
        chain.up == chain.gate ? static_cast<std::uint64_t>(chain.shape.n_ff) * chain.gate->nb[1]
                               : offsets[1].count();
    work.experts.part.cache = {
        .slots = table_row(layer),
        .first = memory_->base(),
        .slot_bytes = memory_->slot_size().count(),
        .up_at = up_at,
        .down_at = offsets.back().count(),
    };
    work.cache_row = layer.row;
}

void ExpertCache::note(const ChainWork& work, const std::vector<std::int32_t>& experts,
                       const std::vector<std::int32_t>& ways) {
    if (work.experts.part.cache.slots == nullptr) {
        return;
    }
    for (std::size_t i = 0; i < experts.size(); ++i) {
        if (ways[i] >= HEXCORE_CUDA_CACHED) {  // or not, but in main memory
            (void)policy_->lookup(
                {LayerIndex(work.cache_row), ExpertId(static_cast<std::size_t>(experts[i]))});
        }
    }
}

void ExpertCache::end_token() {
    if (uploads_ == nullptr || has_failed_) {
        return;
    }
    take_arrived();
    begin(policy_->end_token());
    tell();
}

void ExpertCache::take_arrived() {
    if (under_way_.empty()) {
        return;
    }
    const bool is_there = library_->finish_uploads(uploads_) == 0;
    for (const ExpertUpload& upload : under_way_) {
        if (!is_there) {
            policy_->abandon(upload.slot);
            continue;
        }
        Layer& layer = *rows_[upload.expert.layer.value()];
        policy_->arrived(upload.slot,
                         std::accumulate(layer.parts.begin(), layer.parts.end(), Bytes()));
        layer.slots[upload.expert.expert.value()] = static_cast<std::int32_t>(upload.slot.value());
        layer.has_changed = true;
        holds_[upload.slot.value()] = upload.expert;
        is_held_[upload.slot.value()] = true;
    }
    under_way_.clear();
}

void ExpertCache::begin(const std::vector<ExpertUpload>& uploads) {
    std::vector<hexcore_cuda_upload> copies;
    for (const ExpertUpload& upload : uploads) {
        const std::size_t slot = upload.slot.value();
        if (is_held_[slot]) {
            Layer& before = *rows_[holds_[slot].layer.value()];
            before.slots[holds_[slot].expert.value()] = -1;
            before.has_changed = true;
            is_held_[slot] = false;
        }
        const Layer& layer = *rows_[upload.expert.layer.value()];
        const std::size_t number = layer.map->local_of(upload.expert.expert.value());
        const std::vector<Bytes> offsets = ExpertCacheMemory::offsets_of(layer.parts);
        std::byte* const to = memory_->slot(static_cast<std::uint32_t>(slot));
        for (std::size_t i = 0; i < layer.shards.size(); ++i) {
            const ggml_tensor& shard = *layer.shards[i];
            copies.push_back({to + offsets[i].count(),
                              static_cast<const std::byte*>(shard.data) + number * shard.nb[2],
                              shard.nb[2]});
        }
    }
    // Who was displaced is not found any more before its place is written to.
    const bool is_written = write_table();
    under_way_ = uploads;
    if (!is_written ||
        (!copies.empty() && library_->begin_uploads(uploads_, copies.data(), copies.size()) != 0)) {
        for (const ExpertUpload& upload : under_way_) {
            policy_->abandon(upload.slot);
        }
        under_way_.clear();
    }
}

bool ExpertCache::write_table() {
    for (Layer* layer : rows_) {
        if (!layer->has_changed) {
            continue;
        }
        const int error = library_->set_slots(engine_, table_row(*layer), layer->slots.data(),
                                              layer->slots.size());
        if (error != 0) {
            GGML_LOG_ERROR("hexcore: the cache of experts stays as it is: %s\n",
                           library_->error_text(error));
            has_failed_ = true;
            return false;
        }
        layer->has_changed = false;
    }
    return true;
}

void ExpertCache::tell() {
    const CachePolicyCounters& now = policy_->counters();
    home_.count_expert_cache({.slots = 0,
                              .lookups = now.lookups - told_.lookups,
                              .hits = now.hits - told_.hits,
                              .uploads = now.uploads - told_.uploads,
                              .bytes = now.uploaded - told_.uploaded});
    told_ = now;
}

}  // namespace hexcore
