#include "hexcore/backend/kernels/host_layer.hpp"

#include <algorithm>
#include <cstring>

#include "hexcore/backend/device.hpp"
#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

std::unique_ptr<StagedPart> make_part(Device& host, const ggml_cgraph& graph,
                                      const ExpertRegion& region, std::size_t rows,
                                      const ExpertBiases& biases) {
    return std::make_unique<StagedPart>(host, StagedPart::Place::elsewhere, graph, region,
                                        RowGroups{.slots = rows, .tokens = 1}, rows, biases);
}

}  // namespace

HostScratch::HostScratch(Device& host)
    : host_(host), inner_(host.inner_backend()), memory_(ggml_gallocr_new(host.buffer_type())) {}

void HostScratch::reserve(const ggml_cgraph& graph, const ExpertRegion& region,
                          const ExpertBiases& biases) {
    const std::size_t rows = std::min<std::size_t>(static_cast<std::size_t>(region.ids->ne[0]),
                                                   region.map->count_on(host_.id()));
    const auto part = make_part(host_, graph, region, rows, biases);
    if (!ggml_gallocr_reserve(memory_.get(), &part->graph())) {
        memory_.reset(ggml_gallocr_new(host_.buffer_type()));
    }
}

bool HostScratch::place(StagedPart& part) {
    is_lost_ = is_lost_ || !ggml_gallocr_alloc_graph(memory_.get(), &part.graph());
    if (!is_lost_) {
        part.enter_memory(0);
    }
    return !is_lost_;
}

HostLayer::HostLayer(HostScratch& scratch, const ggml_cgraph& graph, const ExpertRegion& region,
                     const ExpertBiases& biases, Device& home)
    : scratch_(scratch),
      graph_(graph),
      region_(region),
      biases_(biases),
      home_(home),
      parts_(static_cast<std::size_t>(region.ids->ne[0]) + 1),
      experts_(parts_.size() - 1),
      ways_(experts_.size()),
      x_(static_cast<std::size_t>(region.x->ne[0])),
      zeros_(static_cast<std::size_t>(graph.nodes[region.last]->ne[0])) {
    for (int i = region.first; i <= region.last; ++i) {
        n_products_ += is_sharded_product(*graph.nodes[i]) ? 1 : 0;
    }
}

StagedPart* HostLayer::part_for(std::size_t rows) {
    std::unique_ptr<StagedPart>& part = parts_[rows];
    if (!part) {
        auto made = make_part(scratch_.host(), graph_, region_, rows, biases_);
        if (scratch_.place(*made)) {
            part = std::move(made);
        }
    }
    return part.get();
}

ggml_status HostLayer::answer(const KernelLibrary& library, hexcore_cuda_team* team,
                              const hexcore_cuda_experts& work, const ComputeOptions& options,
                              bool& was_heard) {
    const int message = work.part.message;
    const int error =
        library.hear(team, message, &work.shape, experts_.data(), ways_.data(), x_.data());
    was_heard = error == 0;
    if (!was_heard) {
        GGML_LOG_ERROR("hexcore: a GPU does not ask for its experts in main memory: %s\n",
                       library.error_text(error));
        return GGML_STATUS_FAILED;
    }
    count_rows(work.is_counted != 0);
    const auto rows =
        static_cast<std::size_t>(std::count(ways_.begin(), ways_.end(), HEXCORE_CUDA_HOST));
    if (rows == 0) {
        return GGML_STATUS_SUCCESS;
    }
    const ggml_status status = compute(rows, options);
    const float* result = status == GGML_STATUS_SUCCESS
                              ? static_cast<const float*>(parts_[rows]->result().data)
                              : nullptr;
    for (std::size_t choice = 0; choice < ways_.size(); ++choice) {
        if (ways_[choice] == HEXCORE_CUDA_HOST) {
            library.tell(team, message, &work.shape, static_cast<int>(choice),
                         result == nullptr ? zeros_.data() : result);
            result = result == nullptr ? nullptr : result + zeros_.size();
        }
    }
    return status;
}

ggml_status HostLayer::compute(std::size_t rows, const ComputeOptions& options) {
    StagedPart* const part = part_for(rows);
    if (part == nullptr || scratch_.is_lost()) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    std::memcpy(part->input().data, x_.data(), x_.size() * sizeof(float));
    auto* next = static_cast<std::int32_t*>(part->ids().data);
    for (std::size_t choice = 0; choice < ways_.size(); ++choice) {
        if (ways_[choice] == HEXCORE_CUDA_HOST) {
            const auto expert = static_cast<std::size_t>(experts_[choice]);
            HEXCORE_CHECK(expert < region_.map->n_experts() &&
                              region_.map->device_of(expert) == scratch_.host().id(),
                          expert, "is not in main memory");
            *next++ = static_cast<std::int32_t>(region_.map->local_of(expert));
        }
    }
    ggml_cgraph products = part->products();
    return scratch_.inner().compute(products, options);
}

void HostLayer::count_rows(bool is_counted) {
    const auto by_host = std::count(ways_.begin(), ways_.end(), HEXCORE_CUDA_HOST);
    const auto by_home = std::count_if(ways_.begin(), ways_.end(), [](std::int32_t way) {
        return way == HEXCORE_CUDA_CACHED || way == HEXCORE_CUDA_LENT;
    });
    if (is_counted) {
        scratch_.host().count_rows(static_cast<std::uint64_t>(by_host) * n_products_);
        home_.count_rows(static_cast<std::uint64_t>(by_home) * n_products_);
    }
}

}  // namespace hexcore
