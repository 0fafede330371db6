#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ggml-cpp.h"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/staged_region.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"

namespace hexcore {

/// Scratch memory in main memory for the experts that a token has there, for all layers of a
/// context, of which one is computed at a time.
class HostScratch {
public:
    explicit HostScratch(Device& host);

    /// Makes it large enough for that many rows of the region. A refusal is kept by the device's
    /// memory. Works on simulated devices, too.
    void reserve(const ggml_cgraph& graph, const ExpertRegion& region, const ExpertBiases& biases);
    /// Gives the part its place; false where there is no memory: then no part has one any more.
    [[nodiscard]] bool place(StagedPart& part);
    [[nodiscard]] bool is_lost() const { return is_lost_; }

    [[nodiscard]] Device& host() const { return host_; }
    [[nodiscard]] InnerBackend& inner() const { return *inner_; }

private:
    Device& host_;
    std::shared_ptr<InnerBackend> inner_;
    ggml_gallocr_ptr memory_;
    bool is_lost_ = false;
};

/// The experts of one layer that lie in main memory, as one of a team with GPUs: computed on the
/// CPU when the GPU at home asks for it (hexcore_cuda_hear).
class HostLayer {
public:
    /// All must stay, and so must the graph, which is libllama's.
    HostLayer(HostScratch& scratch, const ggml_cgraph& graph, const ExpertRegion& region,
              const ExpertBiases& biases, Device& home);

    /// The one in main memory.
    [[nodiscard]] Device& device() const { return scratch_.host(); }
    /// Waits for the work's launch and computes what it asks for. If that fails the launch gets an
    /// answer all the same, so that nobody waits for ever; not where `was_heard` is false after it.
    [[nodiscard]] ggml_status answer(const KernelLibrary& library, hexcore_cuda_team* team,
                                     const hexcore_cuda_experts& work,
                                     const ComputeOptions& options, bool& was_heard);
    /// The last launch's choice, and how each is computed (hexcore_cuda_way).
    [[nodiscard]] const std::vector<std::int32_t>& experts() const { return experts_; }
    [[nodiscard]] const std::vector<std::int32_t>& ways() const { return ways_; }

private:
    [[nodiscard]] StagedPart* part_for(std::size_t rows);
    [[nodiscard]] ggml_status compute(std::size_t rows, const ComputeOptions& options);
    void count_rows(bool is_counted);

    HostScratch& scratch_;
    const ggml_cgraph& graph_;
    const ExpertRegion region_;
    const ExpertBiases& biases_;
    Device& home_;
    std::uint64_t n_products_ = 0;
    std::vector<std::unique_ptr<StagedPart>> parts_;  ///< [rows]; null: not needed so far
    std::vector<std::int32_t> experts_;               ///< the token's
    std::vector<std::int32_t> ways_;
    std::vector<float> x_;
    std::vector<float> zeros_;
};

}  // namespace hexcore
