#pragma once

#include <mutex>

#include "ggml-alloc.h"
#include "ggml-backend-impl.h"
#include "ggml-cpp.h"

namespace hexcore {

class Device;
class TokenGraph;

/// What a context wants of the computing that it asks for.
struct ComputeOptions {
    int n_threads = GGML_DEFAULT_N_THREADS;  ///< for a device that computes with threads
    ggml_abort_callback abort = nullptr;     ///< asked while computing; true ends it
    void* abort_data = nullptr;
};

/// The ggml backend that computes on one device, with scratch memory on it for staged experts. One
/// for all contexts on the device that live at a time: with CUDA each would keep a memory pool of
/// its own. Several threads take turns; who uses the scratch memory (RegionExecution) sees to
/// it that nobody else writes to it meanwhile.
class InnerBackend {
public:
    explicit InnerBackend(Device& device);
    InnerBackend(const InnerBackend&) = delete;
    InnerBackend& operator=(const InnerBackend&) = delete;

    /// Begins to compute the graph, whose tensors must be in the inner backend's own buffers.
    [[nodiscard]] ggml_status compute(ggml_cgraph& graph, const ComputeOptions& options);
    /// The same for one that is computed with our own kernels in part.
    [[nodiscard]] ggml_status compute(TokenGraph& graph, const ComputeOptions& options);
    void synchronize();
    /// Lets the backend reorder `graph`, and say through `parameters` which tensors must keep their
    /// memory for longer, before any is given. The tensors are libllama's own.
    void optimize(ggml_cgraph& graph, ggml_backend_graph_optimize_params* parameters);

    /// Copies in the order of what is computed, without waiting for it where the backend can. The
    /// tensors are on this device; `data` must stay until the backend was synchronised.
    void set_async(ggml_tensor& tensor, const void* data, std::size_t offset, std::size_t size);
    void get_async(const ggml_tensor& tensor, void* data, std::size_t offset, std::size_t size);
    /// The same from `from`'s device to this one's. False where the two cannot, so that the caller
    /// has to wait for both and copy by itself.
    [[nodiscard]] bool copy_async(InnerBackend& from, const ggml_tensor& source,
                                  ggml_tensor& target);
    /// The same, but not before what this one has begun is complete: its work may use `target`.
    [[nodiscard]] bool copy_async_in_turn(InnerBackend& from, const ggml_tensor& source,
                                          ggml_tensor& target);
    /// Events are the inner device's own.
    void record(ggml_backend_event_t event);
    void wait(ggml_backend_event_t event);

    /// Makes the scratch memory large enough for `graph`; false where that is refused. Works on
    /// simulated devices, too.
    [[nodiscard]] bool reserve_scratch(ggml_cgraph& graph);
    /// Gives the tensors of `graph` that have no memory a place in the scratch memory.
    [[nodiscard]] bool place_in_scratch(ggml_cgraph& graph);

private:
    [[nodiscard]] bool start();
    /// Whether the two are of a kind that copies from one device to another in their order.
    [[nodiscard]] bool can_copy_from(InnerBackend& from);
    /// `tensor` as the inner backend knows it.
    [[nodiscard]] ggml_tensor inner(const ggml_tensor& tensor) const;
    /// Begins with a new allocator after a refusal; gives `allocated` back.
    bool kept(bool allocated);

    Device& device_;
    std::mutex mutex_;
    ggml_backend_ptr backend_;      ///< started when first needed: dry runs need none
    ggml_backend_event_ptr event_;  ///< of copy_async_in_turn()
    ggml_gallocr_ptr scratch_;
};

}  // namespace hexcore
