#include "hexcore/runtime/decoder.hpp"

#include <algorithm>
#include <type_traits>

#include "hexcore/backend/machine.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

static_assert(std::is_same_v<Token, llama_token>);

/// A libllama batch of one sequence, of whose tokens only the last has an output.
class Batch {
public:
    explicit Batch(std::size_t capacity)
        : batch_(llama_batch_init(static_cast<std::int32_t>(capacity), 0, 1)) {}
    ~Batch() { llama_batch_free(batch_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    const llama_batch& fill(std::uint32_t sequence, std::uint32_t position,
                            std::span<const Token> tokens) {
        batch_.n_tokens = static_cast<std::int32_t>(tokens.size());
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            batch_.token[i] = tokens[i];
            batch_.pos[i] = static_cast<llama_pos>(position + i);
            batch_.n_seq_id[i] = 1;
            batch_.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
            batch_.logits[i] = i + 1 == tokens.size() ? 1 : 0;
        }
        return batch_;
    }

private:
    llama_batch batch_;
};

/// What ends the computing, as long as it lives.
class Stop {
public:
    Stop(const std::atomic<bool>*& current, const std::atomic<bool>* stop) : current_(current) {
        current_ = stop;
    }
    ~Stop() { current_ = nullptr; }
    Stop(const Stop&) = delete;
    Stop& operator=(const Stop&) = delete;

private:
    const std::atomic<bool>*& current_;
};

}  // namespace

Decoder::Decoder(LoadedModel& model) : model_(model) {
    llama_set_abort_callback(&model.context(), should_abort, this);
}

Decoder::~Decoder() { llama_set_abort_callback(&model_.context(), nullptr, nullptr); }

bool Decoder::should_abort(void* decoder) { return static_cast<Decoder*>(decoder)->stopped(); }

Result<Decoder::Progress> Decoder::decode(std::uint32_t sequence, std::uint32_t position,
                                          std::span<const Token> tokens,
                                          const std::atomic<bool>* stop) {
    llama_context& context = model_.context();
    const std::size_t batch_size = llama_n_batch(&context);
    Batch batch(std::min(batch_size, tokens.size()));
    const Stop while_computing(stop_, stop);
    Progress progress;
    while (progress.computed < tokens.size()) {
        const auto now = tokens.subspan(progress.computed,
                                        std::min(batch_size, tokens.size() - progress.computed));
        (void)model_.machine().last_refusal();  // an old one does not explain this batch
        const std::int32_t status =
            llama_decode(&context, batch.fill(sequence, position + progress.computed, now));
        llama_synchronize(&context);
        if (status == 2 || (status != 0 && stopped())) {
            progress.stopped = true;
            return progress;
        }
        if (status != 0) {
            if (auto refusal = model_.machine().last_refusal()) {
                return tl::unexpected(std::move(*refusal));
            }
            return fail(ErrorCode::does_not_fit, {{Change::raise_context}},
                        "the context cannot take {} more tokens after {} of {}", now.size(),
                        position + progress.computed, llama_n_ctx_seq(&context));
        }
        progress.computed += static_cast<std::uint32_t>(now.size());
    }
    return progress;
}

}  // namespace hexcore
