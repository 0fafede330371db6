#pragma once

#include "ggml-backend-impl.h"

namespace hexcore {

class Device;

/// The ggml backend (stream) of a capped host device. Null where ggml's CPU backend cannot start.
[[nodiscard]] ggml_backend_t make_host_backend(Device& device);

/// What libllama finds by name to pass on thread counts and the abort callback.
void set_host_backend_threads(ggml_backend_t backend, int n_threads);
void set_host_backend_abort_callback(ggml_backend_t backend, ggml_abort_callback callback,
                                     void* data);

}  // namespace hexcore
