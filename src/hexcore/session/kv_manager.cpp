#include "hexcore/session/kv_manager.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/backend/machine.hpp"
#include "hexcore/runtime/cache_abilities.hpp"
#include "llama.h"

namespace hexcore {
namespace {

llama_seq_id sequence_of(const SessionCells& cells) {
    return static_cast<llama_seq_id>(cells.sequence.value());
}

std::uint32_t size_of(const SessionCells& cells) {
    return static_cast<std::uint32_t>(cells.tokens.size());
}

}  // namespace

CacheAbilities abilities_of(const LoadedModel& model) {
    return cache_abilities(model.context(), model.inventory(), model.plan().context);
}

std::uint32_t session_tokens_of(const LoadedModel& model) {
    return llama_n_ctx_seq(&model.context());
}

KvManager::KvManager(LoadedModel& model, ParkingOptions parking)
    : model_(model),
      abilities_(abilities_of(model)),
      session_tokens_(session_tokens_of(model)),
      parking_(model, std::move(parking)),
      in_sequence_(llama_n_seq_max(&model.context()), nullptr),
      books_(model) {
    for (std::uint32_t sequence = 0; sequence < in_sequence_.size(); ++sequence) {
        empty(sequence);
    }
}

KvManager::~KvManager() {
    for (std::uint32_t sequence = 0; sequence < in_sequence_.size(); ++sequence) {
        empty(sequence);
    }
}

SessionCells& KvManager::add() {
    SessionCells& cells = sessions_.emplace_back();
    cells.adapters = model_.adapter_keys();
    return cells;
}

void KvManager::clear(SessionCells& cells) {
    if (cells.parked) {
        parking_.drop(*std::exchange(cells.parked, {}));
    }
    if (cells.sequence) {
        empty(*cells.sequence);
    }
    forget(cells);
}

void KvManager::wipe(SessionCells& cells) {
    parking_.drop_beginnings_of(cells.tokens);
    if (cells.sequence) {
        books_.cells().wipe(*cells.sequence);
    }
    clear(cells);
}

void KvManager::forget(SessionCells& cells) {
    cells.tokens.clear();
    cells.fixed = 0;
    cells.fixed_shared = 0;
    cells.shifting = false;
    enter(cells);
}

/// Into the books, what it holds now.
void KvManager::enter(SessionCells& cells) {
    books_.change(cells.entry, cells.sequence.value_or(0), cells.sequence ? size_of(cells) : 0);
}

void KvManager::remove(SessionCells& cells) {
    clear(cells);
    if (cells.sequence) {
        in_sequence_[*cells.sequence] = nullptr;
    }
    std::erase_if(sessions_, [&](const SessionCells& one) { return &one == &cells; });
}

void KvManager::empty(std::uint32_t sequence) {
    if (llama_memory_t memory = llama_get_memory(&model_.context())) {
        (void)llama_memory_seq_rm(memory, static_cast<llama_seq_id>(sequence), -1, -1);
    }
}

bool KvManager::bring_in(SessionCells& cells) {
    if (!cells.sequence) {
        if (cells.parked) {
            parking_.want(*cells.parked);  // not to be given up for what makes room now
        }
        cells.sequence = free_sequence();
        if (!cells.sequence) {
            return false;
        }
        in_sequence_[*cells.sequence] = &cells;
        bring_back(cells);
    }
    cells.busy = true;
    touch(cells);
    return true;
}

std::optional<std::uint32_t> KvManager::free_sequence() {
    if (const auto free = std::ranges::find(in_sequence_, nullptr); free != in_sequence_.end()) {
        return static_cast<std::uint32_t>(free - in_sequence_.begin());
    }
    const SessionCells* victim = next_to_go();
    if (victim == nullptr) {
        return {};
    }
    const std::uint32_t sequence = victim->sequence.value();
    park(*in_sequence_[sequence]);
    return sequence;
}

const SessionCells* KvManager::next_to_go() const {
    const SessionCells* victim = nullptr;
    for (const SessionCells* cells : in_sequence_) {
        if (cells == nullptr) {
            return nullptr;
        }
        if (!cells->busy && (victim == nullptr || cells->last_used < victim->last_used)) {
            victim = cells;
        }
    }
    return victim;
}

bool KvManager::cannot_park(const SessionCells& cells) const {
    // What is saved while keys are to be moved is worth nothing.
    return cells.tokens.empty() || cells.shifting || state_size(cells) > parking_.largest();
}

Bytes KvManager::state_size(const SessionCells& cells) const {
    return Bytes(llama_state_seq_get_size(&model_.context(), sequence_of(cells)));
}

void KvManager::park(SessionCells& cells) {
    std::optional<SavedState> state;
    if (!cannot_park(cells) && parking_.make_room(state_size(cells))) {
        if (auto saved = save(cells)) {
            state = std::move(*saved);
        }
    }
    if (state) {
        cells.parked = parking_.put(std::move(*state), ParkedKind::session);
        count(cells, [](CacheCounts& counts) { ++counts.parked; });
    } else {
        give_up(cells);
    }
    empty(*cells.sequence);
    in_sequence_[*cells.sequence] = nullptr;
    cells.sequence.reset();
    enter(cells);
}

void KvManager::bring_back(SessionCells& cells) {
    if (!cells.parked) {
        return;
    }
    const auto state = parking_.take(*std::exchange(cells.parked, {}));
    if (state && restore(cells, state->tokens, state->bytes)) {
        count(cells, [](CacheCounts& counts) { ++counts.restored; });
    } else {
        give_up(cells);
    }
}

void KvManager::give_up(SessionCells& cells) {
    const std::uint64_t evicted = cells.tokens.size();
    count(cells, [evicted](CacheCounts& counts) { counts.tokens_evicted += evicted; });
    forget(cells);
}

std::uint32_t KvManager::keep_first(SessionCells& cells, std::uint32_t count) {
    const std::uint32_t size = size_of(cells);
    count = std::min(count, size);
    llama_memory_t memory = llama_get_memory(&model_.context());
    const llama_seq_id id = sequence_of(cells);
    // More may be in the cells than is counted, of a batch that failed.
    if (cells.shifting || keepable(cells, count) < count ||
        !llama_memory_seq_rm(memory, id, static_cast<llama_pos>(count), -1)) {
        empty(*cells.sequence);
        count = 0;
        cells.shifting = false;
    }
    cells.tokens.resize(count);
    cells.fixed = std::min(cells.fixed, count);
    enter(cells);
    return count;
}

std::uint32_t KvManager::keepable(const SessionCells& cells, std::uint32_t count) const {
    count = std::min(count, kept(cells));
    if (abilities_.forget == Forgetting::all_or_none) {
        return count == size_of(cells) ? count : 0;
    }
    // Of a sliding window the cells before may have been used again for those behind.
    const llama_pos window = llama_model_n_swa(&model_.model());
    const bool lost_window =
        window > 0 && count > 0 && cells.sequence &&
        llama_memory_seq_pos_min(llama_get_memory(&model_.context()), sequence_of(cells)) >
            std::max(0, static_cast<llama_pos>(count) - window);
    return lost_window ? 0 : count;
}

std::uint32_t KvManager::kept(const SessionCells& cells) const {
    const bool are_there = cells.sequence || (cells.parked && parking_.has(*cells.parked));
    return are_there ? size_of(cells) : 0;
}

bool KvManager::can_copy_first(const SessionCells& from, std::uint32_t count) const {
    // What slid was computed behind tokens that have gone.
    return from.sequence && !from.shifting && from.counts.shifts == 0 &&
           (count == size_of(from) || abilities_.forget == Forgetting::any_end) &&
           state_size(from) <= parking_.largest();
}

bool KvManager::copy_first(const SessionCells& from, SessionCells& to, std::uint32_t count) {
    HEXCORE_CHECK(can_copy_first(from, count) && from.adapters == to.adapters, count,
                  size_of(from));
    if (!parking_.make_room(state_size(from))) {
        return false;
    }
    const auto state = save(from);
    return state && restore(to, from.tokens, state->bytes) && keep_first(to, count) == count;
}

std::uint32_t KvManager::slide(SessionCells& cells, std::uint32_t keep) {
    HEXCORE_CHECK(abilities_.slide, abilities_.why, "cannot slide");
    const std::uint32_t size = size_of(cells);
    HEXCORE_CHECK(keep + 1 < size, keep, size);
    const std::uint32_t out = std::max(1U, (size - keep) / 2);
    llama_memory_t memory = llama_get_memory(&model_.context());
    const llama_seq_id id = sequence_of(cells);
    const auto from = static_cast<llama_pos>(keep);
    const auto to = static_cast<llama_pos>(keep + out);
    HEXCORE_CHECK(llama_memory_seq_rm(memory, id, from, to), from, to);
    llama_memory_seq_add(memory, id, to, -1, from - to);
    cells.tokens.erase(cells.tokens.begin() + from, cells.tokens.begin() + to);
    cells.fixed = std::min(cells.fixed, keep);
    cells.shifting = true;
    enter(cells);
    count(cells, [out](CacheCounts& counts) {
        counts.tokens_evicted += out;
        ++counts.shifts;
    });
    return out;
}

void KvManager::computed(SessionCells& cells, std::span<const Token> tokens) {
    cells.tokens.insert(cells.tokens.end(), tokens.begin(), tokens.end());
    const std::uint64_t n = tokens.size();
    count(cells, [n](CacheCounts& counts) { counts.tokens_computed += n; });
    enter(cells);
    if (std::exchange(cells.shifting, false)) {
        compact(cells);
    }
}

void KvManager::reused(SessionCells& cells, std::uint64_t n_tokens) {
    count(cells, [n_tokens](CacheCounts& counts) { counts.tokens_reused += n_tokens; });
}

/// After a slide new tokens go into the holes, so that a session's cells have another order than
/// they would have once it was parked, and its logits other bits. This gives them that order now.
void KvManager::compact(SessionCells& cells) {
    if (!parking_.make_room(state_size(cells))) {
        return;  // it is never going to be parked either
    }
    if (const auto state = save(cells)) {
        (void)restore(cells, std::vector<Token>(cells.tokens), state->bytes);
    }
}

void KvManager::save_prefix(const SessionCells& cells) {
    const Bytes size = state_size(cells);
    // Sessions that come back are worth more than beginnings of those that may come.
    if (cells.shifting || size > Bytes(parking_.largest().count() / 4) ||
        has_prefix(cells.tokens, cells.adapters) || !parking_.make_room(size)) {
        return;
    }
    if (auto state = save(cells)) {
        (void)parking_.put(std::move(*state), ParkedKind::beginning);
    }
}

bool KvManager::restore_prefix(SessionCells& cells, std::span<const Token> tokens) {
    const SavedState* state = parking_.find(tokens, cells.adapters);
    return state != nullptr && restore(cells, tokens, state->bytes);
}

Result<SavedState> KvManager::save(const SessionCells& cells) const {
    SavedState state{cells.tokens, {}, {}, cells.adapters};
    const std::size_t size = state_size(cells).count();
    HEXCORE_TRY_VOID(state.allocate(size, model_.machine().host()));
    const std::size_t written = llama_state_seq_get_data(
        &model_.context(), reinterpret_cast<std::uint8_t*>(state.bytes.data()), size,
        sequence_of(cells));
    HEXCORE_CHECK(written == size, written, size);
    return state;
}

bool KvManager::restore(SessionCells& cells, std::span<const Token> tokens,
                        std::span<const std::byte> state) {
    empty(*cells.sequence);
    const bool taken =
        tokens.size() <= session_tokens_ &&
        llama_state_seq_set_data(&model_.context(),
                                 reinterpret_cast<const std::uint8_t*>(state.data()), state.size(),
                                 sequence_of(cells)) == state.size() &&
        llama_memory_seq_pos_max(llama_get_memory(&model_.context()), sequence_of(cells)) ==
            static_cast<llama_pos>(tokens.size()) - 1;
    if (!taken) {
        empty(*cells.sequence);
        forget(cells);
        return false;
    }
    cells.tokens.assign(tokens.begin(), tokens.end());
    enter(cells);
    return true;
}

CacheStats KvManager::stats(const SessionCells* of) const {
    CacheStats stats;
    books_.describe(stats, of == nullptr ? nullptr : &of->entry);
    stats.counts = of == nullptr ? counts_ : of->counts;
    stats.session_cells = of == nullptr ? 0 : of->most > 0 ? of->most : session_tokens_;
    stats.kv_type = model_.plan().context.kv_type;
    stats.sessions = sessions_.size();
    stats.sessions_parked = static_cast<std::uint64_t>(std::ranges::count_if(
        sessions_,
        [this](const SessionCells& cells) { return cells.parked && parking_.has(*cells.parked); }));
    stats.parked_memory = parking_.in_memory();
    stats.parked_files = parking_.in_files();
    stats.parking = parking_.limits();
    stats.abilities = abilities_;
    return stats;
}

}  // namespace hexcore
