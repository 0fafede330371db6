#pragma once

#include <mutex>

#include "ggml-alloc.h"
#include "ggml-backend-impl.h"
#include "ggml-cpp.h"

namespace hexcore {

class Device;

/// The ggml backend that computes on one device, with scratch memory on it for staged experts. One
/// for all contexts on the device that live at a time: with CUDA each would keep a memory pool of
/// its own. Safe to use from several threads, which take turns.
class InnerBackend {
public:
    explicit InnerBackend(Device& device);
    InnerBackend(const InnerBackend&) = delete;
    InnerBackend& operator=(const InnerBackend&) = delete;

    /// Begins to compute the graph, whose tensors must be in the inner backend's own buffers.
    [[nodiscard]] ggml_status compute(ggml_cgraph& graph);
    void synchronize();

    /// Makes the scratch memory large enough for `graph`; false where that is refused. Works on
    /// simulated devices, too.
    [[nodiscard]] bool reserve_scratch(ggml_cgraph& graph);
    /// Gives the tensors of `graph` that have no memory a place in the scratch memory.
    [[nodiscard]] bool place_in_scratch(ggml_cgraph& graph);

    void set_threads(int n_threads) { n_threads_ = n_threads; }
    void set_abort_callback(ggml_abort_callback callback, void* data);

private:
    [[nodiscard]] bool start();

    Device& device_;
    std::mutex mutex_;
    ggml_backend_ptr backend_;  ///< started when first needed: dry runs need none
    ggml_gallocr_ptr scratch_;
    int n_threads_ = GGML_DEFAULT_N_THREADS;
    ggml_abort_callback abort_callback_ = nullptr;
    void* abort_data_ = nullptr;
};

}  // namespace hexcore
