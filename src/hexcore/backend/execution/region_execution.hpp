#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/borrowed_experts.hpp"
#include "hexcore/backend/execution/expert_biases.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/row_groups.hpp"
#include "hexcore/backend/execution/staged_region.hpp"
#include "hexcore/backend/execution/staging_memory.hpp"

namespace hexcore {

/// Computes regions of experts that are on any devices, for graphs of one home. The home stops
/// until the choice of experts is in main memory. The activations go whole to the devices that hold
/// the experts, each takes the rows that are its own and computes them, all at the same time
/// (devices in main memory in turn, since they share the cores), and the results go home, where
/// they are put in order. From device to device if the two can, behind what each has begun; else
/// through main memory.
class RegionExecution {
public:
    /// `times`: of experts in main memory, if they are not to be measured.
    explicit RegionExecution(Device& home, Borrowing borrowing = Borrowing::where_it_pays,
                             std::optional<MainMemoryTimes> times = std::nullopt);
    ~RegionExecution();
    RegionExecution(const RegionExecution&) = delete;
    RegionExecution& operator=(const RegionExecution&) = delete;

    /// Takes the memory that the region needs on all devices, also on simulated ones.
    void reserve(const ggml_cgraph& graph, const ExpertRegion& region);
    /// Computes the region of `graph`, behind all that home has begun. `rows` are those of its ids.
    /// Returns before it is complete at home, unless that fails.
    [[nodiscard]] ggml_status compute(const ggml_cgraph& graph, const ExpertRegion& region,
                                      ExpertRows& rows, const ComputeOptions& options);
    /// How long experts of a device in main memory take, measured with the region's the first time;
    /// waits for what is under way. Nothing where home can't fetch them.
    [[nodiscard]] std::optional<MainMemoryTimes> times(const ggml_cgraph& graph,
                                                       const ExpertRegion& region, DeviceId host,
                                                       const ComputeOptions& options);
    /// Fills in the region's biases; else that is done when it is computed. False where there is no
    /// memory.
    [[nodiscard]] bool fill_biases(const ggml_cgraph& graph, const ExpertRegion& region);
    [[nodiscard]] const ExpertBiases& biases() const { return biases_; }

private:
    /// What is asked for.
    struct Work {
        const ggml_cgraph& graph;
        const ExpertRegion& region;
        ExpertRows& rows;
        const ComputeOptions& options;
    };
    /// What a device has begun to compute.
    struct Begun {
        std::unique_ptr<StagedPart> part;
        bool by_device_copies = false;  ///< whether its activations came so
    };

    void read_choice(const Work& work);
    [[nodiscard]] ggml_status compute_parts(const Work& work);
    [[nodiscard]] ggml_status begin_all(const Work& work, const std::vector<DeviceId>& devices);
    [[nodiscard]] ggml_status begin_hosts(const Work& work);
    [[nodiscard]] bool borrowing_pays(const Work& work, DeviceId host);
    [[nodiscard]] ggml_status borrow(const Work& work, DeviceId host);
    [[nodiscard]] std::optional<MainMemoryTimes> known_times(const ggml_cgraph& graph,
                                                             const ExpertRegion& region,
                                                             DeviceId host,
                                                             const ComputeOptions& options);
    [[nodiscard]] bool make_part(const Work& work, DeviceId id);
    [[nodiscard]] ggml_status begin_products(const Work& work, DeviceId id);
    [[nodiscard]] ggml_status compute(const Work& work, DeviceId id, ggml_cgraph graph);
    void send_input(DeviceId id);
    void bring_results(const std::vector<DeviceId>& devices, bool by_device_copies);
    void bring_result(DeviceId id);

    [[nodiscard]] InnerBackend& inner(DeviceId id) { return *inner_[id.value()]; }
    [[nodiscard]] InnerBackend& home() { return inner(home_.id()); }
    [[nodiscard]] StagedPart& home_part() { return *begun_[home_.id().value()].part; }
    [[nodiscard]] Device& device(DeviceId id);

    Device& home_;
    /// Shared by all for the machine: held while a region is placed in scratch memory and begun.
    /// What is begun is complete later. So whatever writes to another device's scratch memory does
    /// so behind all that this device has begun, and each device's own order ends a region with a
    /// wait for all who wrote to or read from its scratch memory.
    std::shared_ptr<std::mutex> turns_;
    std::vector<std::shared_ptr<InnerBackend>> inner_;  ///< [device]
    std::vector<DeviceId> away_;   ///< devices that compute beside the caller, but for home
    std::vector<DeviceId> hosts_;  ///< those in main memory, but for home
    ExpertBiases biases_;
    BorrowedExperts borrowed_;
    const std::optional<MainMemoryTimes> given_times_;
    std::map<DeviceId, MainMemoryTimes> times_;  ///< of those that were measured
    // Of the region in hand.
    GroupedRows rows_;
    std::vector<Begun> begun_;  ///< [device]
    bool has_input_in_main_memory_ = false;
    // What was copied from or to them is complete when home has reached the next region.
    StagingMemory ids_;
    StagingMemory indices_;
    StagingMemory activations_;
    StagingMemory results_;
    std::int32_t* local_ids_ = nullptr;   ///< see GroupedRows
    std::int32_t* input_rows_ = nullptr;  ///< the same
    std::int32_t* places_ = nullptr;      ///< the same
    std::int32_t* global_ids_ = nullptr;  ///< of rows that are borrowed
};

}  // namespace hexcore
