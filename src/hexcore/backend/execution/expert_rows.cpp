#include "hexcore/backend/execution/expert_rows.hpp"

#include <algorithm>
#include <cstring>

#include "hexcore/base/check.hpp"

namespace hexcore {

ExpertRows::ExpertRows(const ExpertMap& map, const ggml_tensor& ids)
    : map_(map),
      n_used_(static_cast<std::size_t>(ids.ne[0])),
      n_tokens_(static_cast<std::size_t>(ids.ne[1])),
      id_stride_(ids.nb[0]),
      token_stride_(ids.nb[1]),
      order_(n_used_ * n_tokens_),
      local_ids_(order_.size()),
      global_ids_(order_.size()),
      first_(map.n_devices() + 1) {}

void ExpertRows::sort(const std::byte* ids) {
    const auto for_each_row = [&](const auto& visit) {
        std::size_t row = 0;
        for (std::size_t token = 0; token < n_tokens_; ++token) {
            for (std::size_t slot = 0; slot < n_used_; ++slot, ++row) {
                std::int32_t expert = 0;
                std::memcpy(&expert, ids + token * token_stride_ + slot * id_stride_,
                            sizeof(expert));
                visit(row, static_cast<std::size_t>(expert));
            }
        }
    };
    std::fill(first_.begin(), first_.end(), 0);
    for_each_row([&](std::size_t, std::size_t expert) {
        HEXCORE_CHECK(expert < map_.n_experts(), expert, map_.n_experts());
        ++first_[map_.device_of(expert).value() + 1];
    });
    for (std::size_t d = 1; d < first_.size(); ++d) {
        first_[d] += first_[d - 1];
    }
    std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
    for_each_row([&](std::size_t row, std::size_t expert) {
        const std::size_t to = next[map_.device_of(expert).value()]++;
        order_[to] = static_cast<std::int32_t>(row);
        global_ids_[to] = static_cast<std::int32_t>(expert);
        local_ids_[to] = static_cast<std::int32_t>(map_.local_of(expert));
    });
}

std::size_t ExpertRows::input_offset(const ggml_tensor& x, std::size_t row) const {
    const auto at = static_cast<std::size_t>(order_[row]);
    const std::size_t slot = at % n_used_ % static_cast<std::size_t>(x.ne[1]);
    return at / n_used_ * x.nb[2] + slot * x.nb[1];
}

std::int32_t ExpertRows::input_row(const ggml_tensor& x, std::size_t row) const {
    const auto at = static_cast<std::uint32_t>(order_[row]);
    const auto n_used = static_cast<std::uint32_t>(n_used_);
    const auto in_a_token = static_cast<std::uint32_t>(x.ne[1]);
    const std::uint32_t slot = in_a_token == 1 ? 0 : at % n_used % in_a_token;
    return static_cast<std::int32_t>(at / n_used * in_a_token + slot);
}

void make_contiguous(ggml_tensor& tensor, std::int64_t ne1, std::int64_t ne2) {
    tensor.ne[1] = ne1;
    tensor.ne[2] = ne2;
    tensor.ne[3] = 1;
    tensor.nb[0] = ggml_type_size(tensor.type);
    tensor.nb[1] = ggml_row_size(tensor.type, tensor.ne[0]);
    tensor.nb[2] = tensor.nb[1] * static_cast<std::size_t>(ne1);
    tensor.nb[3] = tensor.nb[2] * static_cast<std::size_t>(ne2);
}

}  // namespace hexcore
