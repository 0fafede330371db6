#include "hexcore/runtime/decoder.hpp"

#include <algorithm>
#include <type_traits>

#include "hexcore/backend/machine.hpp"
#include "hexcore/runtime/batch.hpp"
#include "hexcore/runtime/stopped_by.hpp"
#include "llama.h"

namespace hexcore {
namespace {

static_assert(std::is_same_v<Token, llama_token>);

}  // namespace

Result<Decoder::Progress> Decoder::decode(std::uint32_t sequence, std::uint32_t position,
                                          std::span<const Token> tokens,
                                          const std::atomic<bool>* stop) {
    llama_context& context = model_.context();
    const std::size_t batch_size = llama_n_batch(&context);
    Batch batch(std::min(batch_size, tokens.size()));
    const StoppedBy stopped_by(context, stop);
    Progress progress;
    while (progress.computed < tokens.size()) {
        const auto now = tokens.subspan(progress.computed,
                                        std::min(batch_size, tokens.size() - progress.computed));
        batch.clear();
        for (std::size_t i = 0; i < now.size(); ++i) {
            batch.add(now[i], position + progress.computed + i, sequence,
                      i + 1 == now.size() ? Output::wanted : Output::none);
        }
        (void)model_.machine().last_refusal();  // an old one does not explain this batch
        const std::int32_t status = llama_decode(&context, batch.get());
        llama_synchronize(&context);
        if (status == 2 || (status != 0 && stop != nullptr && stop->load())) {
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
