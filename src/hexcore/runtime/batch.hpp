#pragma once

#include <cstddef>
#include <cstdint>

#include "llama.h"

namespace hexcore {

/// Whether something is wanted for a token of a batch: its logits or embeddings.
enum class Output { none, wanted };

/// A libllama batch, filled anew for each call.
class Batch {
public:
    explicit Batch(std::size_t capacity)
        : batch_(llama_batch_init(static_cast<std::int32_t>(capacity), 0, 1)) {}
    ~Batch() { llama_batch_free(batch_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void clear() { batch_.n_tokens = 0; }
    /// At most as many as the capacity.
    void add(llama_token token, std::size_t position, std::size_t sequence, Output output) {
        const std::int32_t i = batch_.n_tokens++;
        batch_.token[i] = token;
        batch_.pos[i] = static_cast<llama_pos>(position);
        batch_.n_seq_id[i] = 1;
        batch_.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
        batch_.logits[i] = output == Output::wanted ? 1 : 0;
    }

    [[nodiscard]] const llama_batch& get() const { return batch_; }

private:
    llama_batch batch_;
};

}  // namespace hexcore
