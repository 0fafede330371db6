#pragma once

#include "ggml-impl.h"

namespace hexcore {

/// How the graphs of one device are computed, whose experts may be on several devices. One object
/// for each ggml backend (stream) that libllama makes; chosen by strategy_for() for the devices
/// that are involved:
///
/// - FusedExecution: all devices are in main memory, one run of ggml's CPU kernels does everything;
/// - StagedExecution: any devices, activations go from one to another.
class ExpertExecution {
public:
    virtual ~ExpertExecution() = default;

    /// Called with every graph before memory is allocated for it, also in dry runs and for the
    /// largest graphs to come: takes what computing it needs besides the graph's own memory.
    virtual void reserve(const ggml_cgraph& graph) = 0;

    /// Computes the graph; may return before that is complete.
    [[nodiscard]] virtual ggml_status compute(ggml_cgraph& graph) = 0;

    /// Returns when all that was begun is complete.
    virtual void synchronize() = 0;

    /// For devices that compute with threads; others ignore it.
    virtual void set_threads(int n_threads) = 0;
    /// `callback` is asked while computing; true ends it. May be null.
    virtual void set_abort_callback(ggml_abort_callback callback, void* data) = 0;
};

}  // namespace hexcore
