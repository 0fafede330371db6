#include "hexcore/runtime/cache_cells.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "hexcore/backend/machine.hpp"
// Internal headers, as in context_memory.cpp: which caches a context has no public one tells.
#include "llama-context.h"
#include "llama-io.h"
#include "llama-kv-cache-dsa-iswa.h"
#include "llama-kv-cache-dsa.h"
#include "llama-kv-cache-dsv4.h"
#include "llama-kv-cache-iswa.h"
#include "llama-kv-cache-msa.h"
#include "llama-kv-cache.h"
#include "llama-memory-hybrid-idx.h"
#include "llama-memory-hybrid-iswa.h"
#include "llama-memory-hybrid.h"
#include "llama-memory-recurrent.h"
#include "llama-model.h"

namespace hexcore {
namespace {

/// The caches that a context's memory is put together of.
struct Parts {
    std::vector<llama_kv_cache*> caches;
    std::vector<llama_kv_cache*> windows;  ///< of layers with a sliding window
    llama_memory_recurrent* recurrent = nullptr;
    bool plain = true;  ///< a token has a row of keys and one of values in each layer, no more
};

void add(llama_memory_i* memory, Parts& parts) {
    if (auto* cache = dynamic_cast<llama_kv_cache*>(memory)) {
        parts.caches.push_back(cache);
    } else if (auto* two = dynamic_cast<llama_kv_cache_iswa*>(memory)) {
        parts.caches.push_back(two->get_base());
        parts.windows.push_back(two->get_swa());
    } else if (auto* hybrid = dynamic_cast<llama_memory_hybrid*>(memory)) {
        add(hybrid->get_mem_attn(), parts);
        parts.recurrent = hybrid->get_mem_recr();
        if (auto* indexed = dynamic_cast<llama_memory_hybrid_idx*>(memory);
            indexed != nullptr && indexed->get_mem_idx() != nullptr) {
            add(indexed->get_mem_idx(), parts);
            parts.plain = false;
        }
    } else if (auto* window = dynamic_cast<llama_memory_hybrid_iswa*>(memory)) {
        add(window->get_mem_attn(), parts);
        parts.recurrent = window->get_mem_recr();
    } else if (auto* recurrent = dynamic_cast<llama_memory_recurrent*>(memory)) {
        parts.recurrent = recurrent;
    } else {
        parts.plain = false;
        if (auto* dsa = dynamic_cast<llama_kv_cache_dsa*>(memory)) {
            parts.caches.insert(parts.caches.end(), {dsa->get_mla(), dsa->get_lid()});
        } else if (auto* both = dynamic_cast<llama_kv_cache_dsa_iswa*>(memory)) {
            add(both->get_dsa(), parts);
            parts.windows.push_back(both->get_swa());
        } else if (auto* msa = dynamic_cast<llama_kv_cache_msa*>(memory)) {
            parts.caches.insert(parts.caches.end(), {msa->get_base(), msa->get_idx()});
        } else if (auto* compressed = dynamic_cast<llama_kv_cache_dsv4*>(memory)) {
            add(compressed->get_raw(), parts);
            parts.caches.insert(parts.caches.end(), {compressed->get_csa(), compressed->get_hca(),
                                                     compressed->get_lid()});
        }
    }
}

Parts parts_of(const llama_context& context) {
    Parts parts;
    if (llama_memory_t memory = llama_get_memory(&context)) {
        add(memory, parts);
    }
    return parts;
}

/// The number of the machine's device that a tensor is on; none: it is in host memory.
std::optional<std::size_t> device_of(Machine& machine, const ggml_tensor& tensor) {
    const ggml_tensor& owner = tensor.view_src == nullptr ? tensor : *tensor.view_src;
    ggml_backend_buffer_type_t type = ggml_backend_buffer_get_type(owner.buffer);
    for (std::size_t i = 0; i < machine.size(); ++i) {
        if (type == machine.device(DeviceId(i)).buffer_type()) {
            return i;
        }
    }
    return {};
}

/// What libllama writes where it saves a sequence.
class StateVisitor : public llama_io_write_i {
public:
    void write(const void*, std::size_t size) override { written_ += size; }
    void write_tensor(ggml_tensor* tensor, std::size_t offset, std::size_t size) override {
        written_ += size;
        visit(*tensor, offset, size);
    }
    std::size_t n_bytes() override { return written_; }

protected:
    virtual void visit(ggml_tensor& tensor, std::size_t offset, std::size_t size) = 0;

private:
    std::size_t written_ = 0;
};

class Counter : public StateVisitor {
public:
    [[nodiscard]] const std::map<const ggml_tensor*, Bytes>& sizes() const { return sizes_; }

private:
    void visit(ggml_tensor& tensor, std::size_t, std::size_t size) override {
        sizes_[&tensor] += Bytes(size);
    }
    std::map<const ggml_tensor*, Bytes> sizes_;
};

void erase(ggml_tensor& tensor, std::size_t offset, std::size_t size) {
    const std::vector<std::byte> zeros(size);  // not every backend can fill
    ggml_backend_tensor_set(&tensor, zeros.data(), offset, size);
}

/// Erases all that lies where a sequence's cells do, those that are free among them.
class Eraser : public StateVisitor {
    void visit(ggml_tensor& tensor, std::size_t offset, std::size_t size) override {
        if (tensor.view_src == nullptr) {
            erase(tensor, offset, size);  // of all sequences
        } else if (erased_.insert(&tensor).second) {
            erase(tensor, 0, ggml_nbytes(&tensor));
        }
    }
    std::set<const ggml_tensor*> erased_;
};

/// Erases the states that are no sequence's.
void erase_free_states(const llama_memory_recurrent& recurrent) {
    std::set<std::uint32_t> used;
    for (std::uint32_t i = 0; i < recurrent.size; ++i) {
        const auto& cell = recurrent.cells[i];
        if (!cell.is_empty()) {
            used.insert(cell.src < 0 ? i : static_cast<std::uint32_t>(cell.src));
        }
    }
    for (const auto* tensors : {&recurrent.r_l, &recurrent.s_l, &recurrent.p_l}) {
        for (ggml_tensor* tensor : *tensors) {
            for (std::uint32_t i = 0; tensor != nullptr && i < recurrent.size; ++i) {
                if (!used.contains(i)) {
                    erase(*tensor, i * tensor->nb[1], tensor->nb[1]);
                }
            }
        }
    }
}

/// Of a token, in one layer of a cache.
Bytes row_bytes(const llama_kv_cache& cache, std::uint32_t layer, const llama_hparams& model) {
    Bytes bytes(cache.get_k_storage(static_cast<std::int32_t>(layer))->nb[1]);
    if (!model.is_mla()) {
        bytes += Bytes(ggml_row_size(cache.type_v(), model.n_embd_v_gqa(layer)));
    }
    return bytes;
}

}  // namespace

HeldCells& HeldCells::operator+=(const HeldCells& more) {
    cells += more.cells;
    bytes += more.bytes;
    return *this;
}

CacheCells::CacheCells(Machine& machine, llama_context& context)
    : machine_(machine), context_(context), cells_(machine.size()), rows_(machine.size()) {
    const Parts parts = parts_of(context);
    const llama_hparams& hparams = llama_get_model(&context)->hparams;
    const auto add_cache = [&](const llama_kv_cache& cache, Bytes Rows::*kind) {
        for (const std::uint32_t layer : cache.get_layer_ids()) {
            const ggml_tensor& keys = *cache.get_k_storage(static_cast<std::int32_t>(layer));
            if (const auto device = device_of(machine, keys)) {
                const std::uint64_t there = cache.get_size() * cache.get_n_stream();
                cells_[*device] = std::max(cells_[*device], there);
                rows_[*device].*kind += parts.plain ? row_bytes(cache, layer, hparams) : Bytes();
            }
        }
    };
    for (const llama_kv_cache* cache : parts.caches) {
        add_cache(*cache, &Rows::token);
    }
    for (const llama_kv_cache* cache : parts.windows) {
        add_cache(*cache, &Rows::window_token);
    }
    if (parts.recurrent != nullptr) {
        for (const auto* tensors :
             {&parts.recurrent->r_l, &parts.recurrent->s_l, &parts.recurrent->p_l}) {
            for (const ggml_tensor* tensor : *tensors) {
                const auto device = tensor == nullptr ? std::nullopt : device_of(machine, *tensor);
                if (device) {
                    rows_[*device].state += Bytes(tensor->nb[1]);
                }
            }
        }
    }
    counts_ = !parts.plain;
}

/// Of tokens from the first on, how many a window still shows.
std::uint32_t CacheCells::in_window(std::uint32_t n_tokens) const {
    const llama_hparams& hparams = llama_get_model(&context_)->hparams;
    const auto last = static_cast<llama_pos>(n_tokens) - 1;
    llama_pos from = 0;
    for (llama_pos to = last; from < to;) {  // the first that is not hidden
        const llama_pos middle = from + (to - from) / 2;
        if (llama_hparams::is_masked_swa(hparams.n_swa, hparams.swa_type, middle, last)) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return n_tokens - static_cast<std::uint32_t>(from);
}

std::vector<HeldCells> CacheCells::held(std::uint32_t sequence, std::uint32_t n_tokens) const {
    if (n_tokens == 0) {
        return std::vector<HeldCells>(rows_.size());
    }
    if (counts_) {
        return counted(sequence);
    }
    const std::uint32_t shown = in_window(n_tokens);
    std::vector<HeldCells> held;
    for (const Rows& rows : rows_) {
        const bool sees_all = rows.token > Bytes();
        const bool sees_some = rows.window_token > Bytes();
        held.push_back({.cells = sees_all    ? n_tokens
                                 : sees_some ? shown
                                             : 0,
                        .bytes = rows.token * n_tokens + rows.window_token * shown + rows.state});
    }
    return held;
}

/// Exact for every architecture, and slow: libllama looks at each cell that there is.
std::vector<HeldCells> CacheCells::counted(std::uint32_t sequence) const {
    Counter counter;
    llama_get_memory(&context_)->state_write(counter, static_cast<llama_seq_id>(sequence), 0);
    std::vector<HeldCells> held(rows_.size());
    for (const auto& [tensor, size] : counter.sizes()) {
        if (const auto device = device_of(machine_, *tensor)) {
            held[*device].bytes += size;
            if (tensor->view_src != nullptr) {  // a cache's part for a sequence, and no state
                held[*device].cells =
                    std::max<std::uint64_t>(held[*device].cells, size.count() / tensor->nb[1]);
            }
        }
    }
    return held;
}

Bytes CacheCells::most_bytes(std::uint32_t n_tokens) const {
    const llama_hparams& hparams = llama_get_model(&context_)->hparams;
    // A window in chunks begins anew with each, and held most before.
    const bool in_chunks = hparams.swa_type == LLAMA_SWA_TYPE_CHUNKED;
    const std::uint32_t shown = in_chunks ? std::min(n_tokens, hparams.n_swa) : in_window(n_tokens);
    Bytes bytes;
    for (const Rows& rows : rows_) {
        bytes += rows.token * n_tokens + rows.window_token * shown + rows.state;
    }
    return bytes;
}

std::optional<std::uint32_t> CacheCells::tokens_within(Bytes bytes) const {
    if (counts_) {
        return {};
    }
    std::uint32_t fits = 0;
    for (std::uint32_t too_many = llama_n_ctx_seq(&context_) + 1; fits + 1 < too_many;) {
        const std::uint32_t middle = fits + (too_many - fits) / 2;
        (most_bytes(middle) <= bytes ? fits : too_many) = middle;
    }
    return fits;
}

void CacheCells::wipe(std::uint32_t sequence) const {
    llama_memory_t memory = llama_get_memory(&context_);
    if (memory == nullptr) {
        return;
    }
    llama_synchronize(&context_);
    const auto id = static_cast<llama_seq_id>(sequence);
    Eraser eraser;
    memory->state_write(eraser, id, 0);
    (void)memory->seq_rm(id, -1, -1);
    if (const Parts parts = parts_of(context_); parts.recurrent != nullptr) {
        erase_free_states(*parts.recurrent);
    }
}

}  // namespace hexcore
