#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/staged_region.hpp"
#include "hexcore/backend/experts/pinned_experts.hpp"
#include "hexcore/plan/main_memory_times.hpp"

namespace hexcore {

/// When the experts of a device in main memory are computed at home.
enum class Borrowing {
    where_it_pays,  ///< at home on a GPU of this machine, if that is faster than the CPU
    always,         ///< for any batch of several tokens; to try it without a GPU
};

/// Computes rows of experts that lie in main memory at home, which gets copies of the experts for
/// it: some at a time, so that the next ones arrive while home computes with the last ones. For a
/// prompt a GPU is faster with that than the CPU is with the experts in place.
class BorrowedExperts {
public:
    BorrowedExperts(Device& home, Borrowing when);
    ~BorrowedExperts();
    BorrowedExperts(const BorrowedExperts&) = delete;
    BorrowedExperts& operator=(const BorrowedExperts&) = delete;

    /// Takes memory at home if the region may get any experts; also on a simulated device.
    void reserve(const ggml_cgraph& graph, const ExpertRegion& region);
    [[nodiscard]] bool is_always() const { return when_ == Borrowing::always; }
    [[nodiscard]] bool can_borrow(const ExpertRegion& region, DeviceId host) const;
    /// Whether it is faster for these rows.
    [[nodiscard]] bool pays(const ExpertRegion& region, DeviceId host, ExpertRows& rows,
                            const MainMemoryTimes& times) const;
    /// How long an expert of the region takes from there to here. Nothing where none is borrowed.
    [[nodiscard]] std::optional<double> measure_bus(const ggml_cgraph& graph,
                                                    const ExpertRegion& region, DeviceId host);

    /// The rows of one device in the order of its experts.
    struct Rows {
        DeviceId host;
        std::size_t count;
        std::int32_t* local_ids;   ///< changed; must stay as the others
        std::int32_t* global_ids;  ///< written, for biases
        const std::int32_t* input_rows;
        const ggml_tensor& input;   ///< at home, F32 {columns, rows of activations}
        const ggml_tensor& result;  ///< at home, F32 {columns, count}
    };
    /// Begins to compute them in the order of `home`, home's inner backend.
    [[nodiscard]] ggml_status compute(const ggml_cgraph& graph, const ExpertRegion& region,
                                      const Rows& rows, InnerBackend& home,
                                      const ComputeOptions& options);

private:
    /// Room for some experts, and what orders its use.
    struct Slot {
        ggml_backend_buffer_ptr buffer;
        std::vector<ggml_tensor> weights;
        ggml_backend_event_ptr arrived;
        ggml_backend_event_ptr computed;
        bool is_used = false;
    };

    /// How many of a device's experts are copied at a time.
    [[nodiscard]] std::size_t experts_of_piece(const ggml_cgraph& graph,
                                               const ExpertRegion& region) const;
    [[nodiscard]] bool start();
    [[nodiscard]] StagedPart::CopiedWeights place(Slot& slot, const ggml_cgraph& graph,
                                                  const ExpertRegion& region, std::size_t count);
    void copy(const StagedPart::CopiedWeights& weights, DeviceId host, std::size_t first);

    Device& home_;
    const Borrowing when_;
    std::array<Slot, 2> slots_;
    ggml_gallocr_ptr scratch_;
    ggml_backend_ptr copier_;  ///< another stream of home
    PinnedExperts pinned_;
};

}  // namespace hexcore
