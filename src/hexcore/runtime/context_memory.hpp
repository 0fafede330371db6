#pragma once

#include <span>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// Makes libllama allocate the compute buffers of a context whose model was loaded with no_alloc,
/// so that the (simulated) devices of that model know their exact size. libllama's own dry run
/// forgets on which device it wanted the first norm of each device's layers, and is off by one
/// activation.
[[nodiscard]] bool reserve_compute(llama_context& context, std::uint32_t outputs);

/// A graph of `tokens` new tokens for `sequences` sequences of a full context, reserved where the
/// context's model has its devices. It is null if that fails, and valid until the next one.
[[nodiscard]] ggml_cgraph* reserve_graph(llama_context& context, std::uint32_t tokens,
                                         std::uint32_t sequences);

/// Whether that context's cache is one of attention over all tokens, and not put together of
/// several caches.
[[nodiscard]] bool has_one_kv_cache(const llama_context& context);

/// Makes libllama allocate what it moves the keys of that context's cache with, by moving those of
/// an empty one by nothing. To be asked where obstacle_to_key_shift() finds none.
[[nodiscard]] bool reserve_key_shift(llama_context& context);

/// Whether the graph of that context ends in logits.
[[nodiscard]] bool computes_logits(llama_context& context);

/// What this context and its model take, real or simulated: weights and KV cache on the devices,
/// and everything in host memory. Experts are left out, because the layout knows their bytes.
[[nodiscard]] DryRunUsage context_usage(Machine& machine, const llama_context& context);
/// The same of several contexts of one model, of which there is at least one.
[[nodiscard]] DryRunUsage contexts_usage(Machine& machine,
                                         std::span<const llama_context_ptr> contexts);

}  // namespace hexcore
