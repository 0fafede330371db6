#include "hexcore/session/cache_books.hpp"

#include <algorithm>

#include "hexcore/backend/machine.hpp"
#include "llama.h"

namespace hexcore {
namespace {

Bytes bytes_of(const std::vector<HeldCells>& devices) {
    Bytes bytes;
    for (const HeldCells& held : devices) {
        bytes += held.bytes;
    }
    return bytes;
}

}  // namespace

CacheBooks::CacheBooks(LoadedModel& model)
    : model_(model),
      cells_(model.machine(), model.context()),
      held_(model.machine().size()),
      most_(model.machine().size()) {}

void CacheBooks::change(Entry& entry, std::uint32_t sequence, std::uint32_t n_tokens) {
    std::vector<HeldCells> now = cells_.held(sequence, n_tokens);
    entry.held.resize(now.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
        held_[i].cells = held_[i].cells - entry.held[i].cells + now[i].cells;
        held_[i].bytes = held_[i].bytes - entry.held[i].bytes + now[i].bytes;
        most_[i].cells = std::max(most_[i].cells, held_[i].cells);
        most_[i].bytes = std::max(most_[i].bytes, held_[i].bytes);
    }
    tokens_ = tokens_ - entry.tokens + n_tokens;
    most_tokens_ = std::max(most_tokens_, tokens_);
    most_bytes_ = std::max(most_bytes_, bytes_of(held_));
    entry.tokens = n_tokens;
    entry.held = std::move(now);
    entry.most_tokens = std::max(entry.most_tokens, n_tokens);
    entry.most_bytes = std::max(entry.most_bytes, bytes_of(entry.held));
}

void CacheBooks::describe(CacheStats& stats, const Entry* of) const {
    stats.cells_total = llama_n_ctx(&model_.context());
    stats.cells_used = tokens_;
    stats.cells_high_water = most_tokens_;
    stats.high_water = most_bytes_;
    for (std::size_t i = 0; i < held_.size(); ++i) {
        const Device& device = model_.machine().device(DeviceId(i));
        const Usage accounted = device.memory().accounted();
        DeviceCache& cache = stats.devices.emplace_back();
        cache.name = device.name();
        cache.cells_total = cells_.cells()[i];
        cache.cells_used = held_[i].cells;
        cache.cells_high_water = most_[i].cells;
        // Of all contexts, which are alike.
        cache.total = Bytes((accounted.kv + accounted.recurrent).count() / model_.n_contexts());
        cache.used = held_[i].bytes;
        cache.high_water = most_[i].bytes;
        cache.of_session = of == nullptr || of->held.empty() ? Bytes() : of->held[i].bytes;
    }
    if (of != nullptr) {
        stats.session_tokens = of->tokens;
        stats.session_tokens_high_water = of->most_tokens;
        stats.session_bytes = bytes_of(of->held);
        stats.session_high_water = of->most_bytes;
    }
}

}  // namespace hexcore
