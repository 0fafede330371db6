#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "hexcore/backend/execution/expert_biases.hpp"
#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/execution/inner_graph.hpp"
#include "hexcore/backend/execution/row_groups.hpp"

namespace hexcore {

/// The part of an expert region that one device computes: the region's operations over that
/// device's rows and its own shards, and at home the order of all devices' results.
///
/// Rows have the shape {columns, slots, tokens} of their groups. A single token keeps its own,
/// {columns, its experts, 1}, and its one row of activations serves them all, so that kernels for
/// single tokens are used as they would be without shards.
class StagedPart {
public:
    enum class Place { home, elsewhere };

    /// `groups`: of the device's rows; none only at home. `all_rows`: of all devices. `original` is
    /// the graph that the region is of. Biases must stay.
    StagedPart(Device& device, Place place, const ggml_cgraph& original, const ExpertRegion& region,
               RowGroups groups, std::size_t all_rows, const ExpertBiases& biases);

    /// Weights of the graph, and the copies of some of their experts that take their place.
    using CopiedWeights = std::vector<std::pair<const ggml_tensor*, ggml_tensor*>>;
    /// A part for rows of experts that were copied to `device`, with activations that are there,
    /// and biases of all experts. Its result is put where place_result() says.
    StagedPart(Device& device, const ggml_cgraph& original, const ExpertRegion& region,
               RowGroups groups, const ggml_tensor& input, const CopiedWeights& weights);
    void place_result(const ggml_tensor& target);

    /// All of it, for an allocator, and what follows when that placed it. At home the device's rows
    /// are those from `first_row` in the order of the devices.
    [[nodiscard]] ggml_cgraph& graph() { return graph_.finish(); }
    void enter_memory(std::size_t first_row);

    // To be computed one after the other; any may have no nodes.
    /// Puts the activations at home into one piece.
    [[nodiscard]] ggml_cgraph before_input() { return graph_.part(0, first_product_); }
    [[nodiscard]] ggml_cgraph products() { return graph_.part(first_product_, last_product_); }
    /// Puts the rows of all devices into the graph's order, as its result. At home only.
    [[nodiscard]] ggml_cgraph ordering() { return graph_.part(last_product_, graph_.size()); }

    /// F32 {columns, rows of activations}: at home where they are, elsewhere to be filled.
    [[nodiscard]] ggml_tensor& input() const { return *input_; }
    /// I32, for each of the device's rows, which one of the input's it takes. Null for one token.
    [[nodiscard]] ggml_tensor* input_rows() const { return input_rows_; }
    /// I32, for each of the device's rows, its expert's position on the device.
    [[nodiscard]] ggml_tensor& ids() const { return *ids_; }
    /// I32, for each row its expert as the graph counts them. Null where copies have no biases.
    [[nodiscard]] ggml_tensor* bias_ids() const { return bias_ids_; }
    /// F32, of the device's rows.
    [[nodiscard]] ggml_tensor& result() const { return *result_; }

    // At home only.
    /// F32 {columns, all rows}, in the order of the devices.
    [[nodiscard]] ggml_tensor& sorted() const { return *sorted_; }
    /// Some of them.
    [[nodiscard]] ggml_tensor sorted(std::size_t first, std::size_t count) const;
    /// I32, for each row of the graph, which of the sorted ones it is.
    [[nodiscard]] ggml_tensor& places() const { return *places_; }

private:
    void add_input(const ggml_tensor& x, Place place);
    void add_products(const ggml_cgraph& original, const ExpertRegion& region,
                      const ExpertBiases* biases);
    void place_result_later();
    void add_node(const ggml_tensor& node, int use_count);
    void add_bias_of_all(const ggml_tensor& node, const ExpertRegion& region, int use_count);
    void add_ordering(const ggml_tensor& result, std::size_t all_rows);
    void set_shape(ggml_tensor& copy) const;

    InnerGraph graph_;
    const DeviceId device_;
    const bool single_token_;
    const std::int64_t slots_;   ///< ne[1] of the rows
    const std::int64_t tokens_;  ///< ne[2] of the rows
    int first_product_ = 0;
    int last_product_ = 0;
    ggml_tensor* input_ = nullptr;
    ggml_tensor* input_rows_ = nullptr;
    ggml_tensor* ids_ = nullptr;
    ggml_tensor* bias_ids_ = nullptr;
    ggml_tensor* result_ = nullptr;
    ggml_tensor* sorted_ = nullptr;
    ggml_tensor* places_ = nullptr;
};

}  // namespace hexcore
