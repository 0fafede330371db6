#pragma once

#include "ggml-backend-impl.h"

namespace hexcore {

class Device;

/// The ggml backend (stream) of a device. Null where the inner backend cannot start.
[[nodiscard]] ggml_backend_t make_device_backend(Device& device);

/// What libllama finds by name to pass on thread counts and the abort callback.
void set_device_backend_threads(ggml_backend_t backend, int n_threads);
void set_device_backend_abort_callback(ggml_backend_t backend, ggml_abort_callback callback,
                                       void* data);

}  // namespace hexcore
