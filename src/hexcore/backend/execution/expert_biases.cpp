#include "hexcore/backend/execution/expert_biases.hpp"

#include <cstring>

#include "hexcore/backend/execution/expert_rows.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

std::vector<const ggml_tensor*> biases_of(const ggml_cgraph& graph, const ExpertRegion& region) {
    std::vector<const ggml_tensor*> biases;
    for (int i = region.first; i <= region.last; ++i) {
        if (graph.nodes[i]->op == GGML_OP_ADD_ID) {
            biases.push_back(graph.nodes[i]->src[1]);
        }
    }
    return biases;
}

}  // namespace

void ExpertBiases::reserve(const ggml_cgraph& graph, const ExpertRegion& region) {
    std::vector<const ggml_tensor*> unknown;
    for (const ggml_tensor* bias : biases_of(graph, region)) {
        if (biases_.try_emplace(bias).second) {
            biases_[bias].tables.resize(machine_.size());
            unknown.push_back(bias);
        }
    }
    for (std::size_t d = 0; d < machine_.size() && !unknown.empty(); ++d) {
        if (const std::size_t count = region.map->count_on(DeviceId(d)); count > 0) {
            take(DeviceId(d), unknown, count);
        }
    }
}

void ExpertBiases::take(DeviceId id, const std::vector<const ggml_tensor*>& biases,
                        std::size_t count) {
    Device& device = machine_.device(id);
    const Bytes alignment(ggml_backend_buft_get_alignment(device.buffer_type()));
    Bytes size;
    std::vector<Bytes> offsets;
    for (const ggml_tensor* bias : biases) {
        ggml_tensor& table = biases_[bias].tables[id.value()];
        table = *bias;
        table.view_src = nullptr;
        table.extra = nullptr;
        table.data = nullptr;
        make_contiguous(table, static_cast<std::int64_t>(count), 1);
        offsets.push_back(size);
        size += round_up(Bytes(ggml_nbytes(&table)), alignment);
    }
    auto buffer = device.allocate_experts(size, Purpose::compute);
    if (!buffer) {
        return;
    }
    for (std::size_t i = 0; i < biases.size(); ++i) {
        ggml_tensor& table = biases_[biases[i]].tables[id.value()];
        table.buffer = unwrapped(buffer->get());
        table.data = static_cast<std::byte*>(ggml_backend_buffer_get_base(buffer->get())) +
                     offsets[i].count();
    }
    buffers_.push_back(std::move(*buffer));
}

bool ExpertBiases::fill(const ggml_cgraph& graph, const ExpertRegion& region) {
    reserve(graph, region);
    for (const ggml_tensor* bias : biases_of(graph, region)) {
        Bias& known = biases_[bias];
        if (known.is_filled) {
            continue;
        }
        const std::size_t row_size = ggml_row_size(bias->type, bias->ne[0]);
        std::vector<std::byte> all(ggml_nbytes(bias));
        ggml_backend_tensor_get(bias, all.data(), 0, all.size());
        for (std::size_t d = 0; d < machine_.size(); ++d) {
            const DeviceId id(d);
            const std::size_t count = region.map->count_on(id);
            if (count == 0) {
                continue;
            }
            if (known.tables[d].data == nullptr) {
                return false;
            }
            std::vector<std::byte> own(count * row_size);
            for (std::size_t expert = 0; expert < region.map->n_experts(); ++expert) {
                if (region.map->device_of(expert) == id) {
                    std::memcpy(own.data() + region.map->local_of(expert) * row_size,
                                all.data() + expert * bias->nb[1], row_size);
                }
            }
            ggml_backend_tensor_set(&known.tables[d], own.data(), 0, own.size());
        }
        known.is_filled = true;
    }
    return true;
}

ggml_tensor& ExpertBiases::on(DeviceId device, const ggml_tensor& bias) const {
    return biases_.at(&bias).tables[device.value()];
}

}  // namespace hexcore
