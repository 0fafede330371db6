#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "ggml-impl.h"
#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"

namespace hexcore {

class Machine;

/// The rows of one expert region in the order of the devices that compute them, found while the
/// graph runs: only then is it known which experts were chosen. Owns the extra graph nodes.
class HostRouting {
public:
    /// Memory for rows in the order of the devices: `gathered` for the region's input, where null
    /// means behind the products that read it, and `results` for its output.
    struct Space {
        std::byte* gathered = nullptr;
        std::byte* results = nullptr;
    };
    /// Where the rows behind a product begin, in the space that the graph allocator left there.
    [[nodiscard]] static std::byte* behind(const ggml_tensor& product);
    /// Alignment of such rows.
    static constexpr Bytes row_alignment{64};

    HostRouting(Machine& machine, const ggml_cgraph& graph, const ExpertRegion& region);
    HostRouting(const HostRouting&) = delete;
    HostRouting& operator=(const HostRouting&) = delete;

    [[nodiscard]] std::size_t rows() const { return rows_.size(); }

    /// Appends the nodes that take the place of the region's.
    void append_nodes(const ggml_cgraph& graph, Space space, std::vector<ggml_tensor*>& nodes);
    /// Gives every node its largest shape again, from which the work buffer is planned.
    void reset();
    /// Adds the rows that each device's products had in the run that has just ended.
    void count_rows() const;

private:
    /// One product on one device: its rows are a slice of the product's.
    struct Part {
        DeviceId device;
        ggml_tensor node{};
        ggml_tensor input{};
        ggml_tensor ids{};
        std::byte* input_base = nullptr;   ///< of all rows; null: the input is one row for all
        std::byte* output_base = nullptr;  ///< of all rows
        std::byte* final_base = nullptr;   ///< the region's result, for its last product
    };

    /// A copy of the region's input rows in the order of the devices.
    struct Gather {
        const HostRouting* routing = nullptr;
        std::byte* to = nullptr;
        ggml_tensor node{};
    };

    static void run_route(ggml_tensor* node, int thread, int n_threads, void* self);
    static void run_gather(ggml_tensor* node, int thread, int n_threads, void* gather);
    static void run_scatter(ggml_tensor* node, int thread, int n_threads, void* self);

    void route();
    void set_rows(Part& part, std::size_t first, std::size_t count);
    void add_part(const ggml_tensor& product, DeviceId device, std::byte* input);
    [[nodiscard]] std::byte* input_of(const ggml_tensor& product, std::vector<ggml_tensor*>& nodes);

    Machine& machine_;
    const ExpertRegion region_;
    ExpertRows rows_;
    /// Whether input rows must be copied into the devices' order. A single token's row serves all
    /// its experts as it is.
    const bool gathers_;
    const ggml_tensor* result_;
    Space space_;
    std::vector<Part> parts_;
    std::deque<Gather> gathers_made_;
    const ggml_tensor* gathered_behind_ = nullptr;  ///< whose space holds gathered rows now
    /// Copies of nodes that are changed: biases, which look up experts, and the last node.
    std::vector<ggml_tensor> copies_;
    ggml_tensor* ending_ = nullptr;  ///< the last node's copy, where that is no product
    ggml_tensor sorted_ids_{};
    ggml_tensor route_{};
    ggml_tensor scatter_{};
};

}  // namespace hexcore
