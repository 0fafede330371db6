#pragma once

#include <cstdint>
#include <vector>

#include "ggml.h"
#include "hexcore/backend/experts/expert_layout.hpp"

namespace hexcore {

/// The rows of an expert region, one for each (token, chosen expert), in the order of the devices
/// that hold the experts: first all rows of device 0, then device 1, and so on; on each device in
/// the order of the tokens.
class ExpertRows {
public:
    /// `ids`: I32 {n_used, n_tokens}, the chosen experts, of which only the shape is looked at.
    ExpertRows(const ExpertMap& map, const ggml_tensor& ids);

    /// Sorts by the choice in `ids`, the bytes of that tensor. Stops the program where one is no
    /// expert.
    void sort(const std::byte* ids);

    [[nodiscard]] std::size_t size() const { return order_.size(); }
    [[nodiscard]] std::size_t n_tokens() const { return n_tokens_; }
    /// Where a device's rows begin, and how many it has.
    [[nodiscard]] std::size_t first(DeviceId device) const { return first_[device.value()]; }
    [[nodiscard]] std::size_t count(DeviceId device) const {
        return first_[device.value() + 1] - first_[device.value()];
    }

    // By row in the order of the devices.
    /// Which row of the graph it is: token * n_used + slot.
    [[nodiscard]] const std::vector<std::int32_t>& order() const { return order_; }
    /// Where in `x`, F32 {columns, 1 or n_used, n_tokens}, its activations begin, in bytes.
    [[nodiscard]] std::size_t input_offset(const ggml_tensor& x, std::size_t row) const;
    /// Which of the rows of such an `x`, counted through its tokens.
    [[nodiscard]] std::int32_t input_row(const ggml_tensor& x, std::size_t row) const;
    /// Its expert's position on its device.
    [[nodiscard]] std::vector<std::int32_t>& local_ids() { return local_ids_; }
    /// Its expert.
    [[nodiscard]] std::vector<std::int32_t>& global_ids() { return global_ids_; }

private:
    const ExpertMap& map_;
    const std::size_t n_used_;
    const std::size_t n_tokens_;
    const std::size_t id_stride_;     ///< from an id to the next of a token, in bytes
    const std::size_t token_stride_;  ///< from a token's ids to the next one's
    std::vector<std::int32_t> order_;
    std::vector<std::int32_t> local_ids_;
    std::vector<std::int32_t> global_ids_;
    std::vector<std::size_t> first_;  ///< [device], and the end
};

/// Gives `tensor` `ne1` x `ne2` rows of its own length, one after the other.
void make_contiguous(ggml_tensor& tensor, std::int64_t ne1, std::int64_t ne2);

}  // namespace hexcore
