#include "hexcore/backend/execution/measure_cpu.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "hexcore/backend/device.hpp"

namespace hexcore {
namespace {

constexpr std::size_t times = 3;

/// What goes in; each time, for what the graph computes may lie over it.
void set_inputs(const StagedPart& part, std::size_t rows, std::size_t first_expert,
                std::size_t n_experts) {
    for (const ggml_tensor* input : {&part.input(), part.input_rows()}) {
        if (input != nullptr) {
            std::memset(input->data, 0, ggml_nbytes(input));
        }
    }
    auto* const ids = static_cast<std::int32_t*>(part.ids().data);
    for (std::size_t row = 0; row < rows; ++row) {
        ids[row] = static_cast<std::int32_t>((first_expert + row) % n_experts);
    }
}

}  // namespace

// Of some experts at once, as a token has them, and of others each time where there are enough: the
// same ones would come out of the processor's caches.
std::optional<double> measure_cpu(Device& host, InnerBackend& inner, const BiasedRegion& work,
                                  const ComputeOptions& options) {
    const ExpertRegion& region = work.region;
    const std::size_t n_experts = region.map->count_on(host.id());
    const std::size_t rows =
        std::min<std::size_t>({4, static_cast<std::size_t>(region.ids->ne[0]), n_experts});
    const RowGroups groups = is_single_token(region) ? RowGroups{.slots = rows, .tokens = 1}
                                                     : RowGroups{.slots = 1, .tokens = rows};
    StagedPart part(host, StagedPart::Place::elsewhere, work.graph, region, groups, rows,
                    work.biases);
    if (!inner.place_in_scratch(part.graph())) {
        return std::nullopt;
    }
    part.enter_memory(0);
    double best = 0;
    for (std::size_t time = 0; time < times; ++time) {
        set_inputs(part, rows, time * rows, n_experts);
        const auto begin = std::chrono::steady_clock::now();
        ggml_cgraph products = part.products();
        if (inner.compute(products, options) != GGML_STATUS_SUCCESS) {
            return std::nullopt;
        }
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
        best = time == 0 ? seconds.count() : std::min(best, seconds.count());
    }
    return best / static_cast<double>(rows);
}

}  // namespace hexcore
