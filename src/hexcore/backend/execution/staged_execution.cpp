#include "hexcore/backend/execution/staged_execution.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

/// The most rows that a region can have on one device: a token chooses an expert once.
std::size_t most_rows(const ExpertRegion& region, DeviceId device) {
    const auto n_used = static_cast<std::size_t>(region.ids->ne[0]);
    return std::min<std::size_t>(n_used, region.map->count_on(device)) *
           static_cast<std::size_t>(region.ids->ne[1]);
}

/// What whoever stages experts on the devices of a machine holds meanwhile: contexts share the
/// scratch memory of its inner backends.
std::shared_ptr<std::mutex> turns_of(const Machine& machine) {
    static std::mutex mutex;
    static std::map<const Machine*, std::weak_ptr<std::mutex>> turns;
    const std::lock_guard lock(mutex);
    std::erase_if(turns, [](const auto& known) { return known.second.expired(); });
    std::shared_ptr<std::mutex> found = turns[&machine].lock();
    if (!found) {
        found = std::make_shared<std::mutex>();
        turns[&machine] = found;
    }
    return found;
}

}  // namespace

StagedExecution::StagedExecution(Device& home)
    : home_(home), turns_(turns_of(home.machine())), kernels_(ExpertKernels::create(home)) {
    for (std::size_t d = 0; d < home.machine().size(); ++d) {
        inner_.push_back(home.machine().device(DeviceId(d)).inner_backend());
    }
}

void StagedExecution::reserve(const ggml_cgraph& graph) {
    const std::lock_guard lock(*turns_);
    if (kernels_) {
        kernels_->reserve(graph);
    }
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (!is_routed(*graph.nodes[i])) {
            continue;
        }
        const ExpertRegion region = find_region(graph, i);
        for (std::size_t d = 0; d < inner_.size(); ++d) {
            const std::size_t rows = most_rows(region, DeviceId(d));
            if (rows == 0) {
                continue;
            }
            StagedPart part(home_.machine().device(DeviceId(d)), graph, region, rows);
            // A refusal is kept by the device's memory, where the load finds it.
            (void)inner_[d]->reserve_scratch(part.graph());
        }
        i = region.last;
    }
}

ggml_status StagedExecution::compute(ggml_cgraph& graph) {
    if (graph.uid == 0 || graph.uid != uid_) {
        uid_ = 0;
        build(graph);
        uid_ = graph.uid;
    }
    for (Step& step : steps_) {
        ggml_status status = GGML_STATUS_SUCCESS;
        if (step.at_home) {
            InnerBackend& inner = *inner_[home_.id().value()];
            status = step.token ? inner.compute(*step.token, options_)
                                : inner.compute(step.at_home->finish(), options_);
            if (status == GGML_STATUS_SUCCESS) {
                home_.count_rows(step.whole_rows);
            }
        } else {
            status = compute_region(graph, step);
        }
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

void StagedExecution::build(ggml_cgraph& graph) {
    steps_.clear();
    int first = 0;
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (!is_routed(*graph.nodes[i])) {
            continue;
        }
        add_home_step(graph, first, i);
        Step& step = steps_.emplace_back();
        step.region = find_region(graph, i);
        step.rows = std::make_unique<ExpertRows>(*step.region.map, *step.region.ids);
        for (int j = i; j <= step.region.last; ++j) {
            step.n_products += is_sharded_product(*graph.nodes[j]) ? 1 : 0;
        }
        i = step.region.last;
        first = i + 1;
    }
    add_home_step(graph, first, graph.n_nodes);
}

void StagedExecution::add_home_step(const ggml_cgraph& graph, int first, int last) {
    if (first == last) {
        return;
    }
    Step& step = steps_.emplace_back();
    step.at_home = std::make_unique<InnerGraph>(home_);
    for (int i = first; i < last; ++i) {
        step.at_home->add_node(*graph.nodes[i], ggml_node_get_use_count(&graph, i));
        if (is_sharded_product(*graph.nodes[i])) {
            step.whole_rows += row_count(*graph.nodes[i]);
        }
    }
    if (kernels_) {
        step.token = TokenGraph::create(step.at_home->finish(), *kernels_);
    }
}

ggml_status StagedExecution::compute_region(const ggml_cgraph& graph, Step& step) {
    const std::lock_guard lock(*turns_);
    const ExpertRegion& region = step.region;
    ExpertRows& rows = *step.rows;
    inner_[home_.id().value()]->synchronize();

    std::vector<std::byte> ids(ggml_nbytes(region.ids));
    ggml_backend_tensor_get(region.ids, ids.data(), 0, ids.size());
    rows.sort(ids.data());
    activations_.resize(ggml_nbytes(region.x));
    ggml_backend_tensor_get(region.x, activations_.data(), 0, activations_.size());

    std::vector<std::unique_ptr<StagedPart>> parts(inner_.size());
    // Main memory computes while it is asked to, so the others are asked first.
    for (const bool is_host : {false, true}) {
        for (std::size_t d = 0; d < parts.size(); ++d) {
            const DeviceId id(d);
            if (rows.count(id) == 0 || home_.machine().device(id).is_host() != is_host) {
                continue;
            }
            const ggml_status status = begin_part(graph, step, id, parts[d]);
            if (status != GGML_STATUS_SUCCESS) {
                return status;
            }
        }
    }

    ggml_tensor& result = *graph.nodes[region.last];
    const std::size_t row_size = ggml_row_size(result.type, result.ne[0]);
    std::vector<std::byte> sorted(row_size * rows.size());
    for (std::size_t d = 0; d < parts.size(); ++d) {
        if (parts[d]) {
            inner_[d]->synchronize();
            parts[d]->get_result(sorted.data() + rows.first(DeviceId(d)) * row_size);
            home_.machine()
                .device(DeviceId(d))
                .count_rows(rows.count(DeviceId(d)) * step.n_products);
        }
    }
    std::vector<std::byte> ordered(sorted.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        std::memcpy(ordered.data() + static_cast<std::size_t>(rows.order()[row]) * row_size,
                    sorted.data() + row * row_size, row_size);
    }
    ggml_backend_tensor_set(&result, ordered.data(), 0, ordered.size());
    return GGML_STATUS_SUCCESS;
}

ggml_status StagedExecution::begin_part(const ggml_cgraph& graph, Step& step, DeviceId id,
                                        std::unique_ptr<StagedPart>& part) {
    Device& device = home_.machine().device(id);
    InnerBackend& inner = *inner_[id.value()];
    const std::size_t rows = step.rows->count(id);
    part = std::make_unique<StagedPart>(device, graph, step.region, rows);
    if (!inner.place_in_scratch(part->graph())) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    part->enter_inner_buffers();
    send(*part, step.region, *step.rows, id);
    return inner.compute(part->graph(), options_);
}

void StagedExecution::send(StagedPart& part, const ExpertRegion& region, ExpertRows& rows,
                           DeviceId device) {
    const std::size_t first = rows.first(device);
    const std::size_t count = rows.count(device);
    if (is_single_token(region)) {
        part.set_input(activations_.data());
    } else {
        const ggml_tensor& x = *region.x;
        const std::size_t row_size = ggml_row_size(x.type, x.ne[0]);
        std::vector<std::byte> gathered(row_size * count);
        for (std::size_t row = 0; row < count; ++row) {
            std::memcpy(gathered.data() + row * row_size,
                        activations_.data() + rows.input_offset(x, first + row), row_size);
        }
        part.set_input(gathered.data());
    }
    part.set_ids(rows.local_ids().data() + first);
    for (const StagedPart::Bias& bias : part.biases()) {
        send_bias(bias, rows.global_ids().data() + first, count);
    }
}

void StagedExecution::send_bias(const StagedPart::Bias& bias, const std::int32_t* experts,
                                std::size_t rows) {
    std::vector<float>& values = bias_values_[bias.weight->data];
    if (values.empty()) {
        values.resize(static_cast<std::size_t>(ggml_nelements(bias.weight)));
        ggml_backend_tensor_get(bias.weight, values.data(), 0, ggml_nbytes(bias.weight));
    }
    const auto columns = static_cast<std::size_t>(bias.weight->ne[0]);
    std::vector<float> gathered(columns * rows);
    for (std::size_t row = 0; row < rows; ++row) {
        std::memcpy(gathered.data() + row * columns,
                    values.data() + static_cast<std::size_t>(experts[row]) * columns,
                    columns * sizeof(float));
    }
    ggml_backend_tensor_set(bias.rows, gathered.data(), 0, gathered.size() * sizeof(float));
}

void StagedExecution::synchronize() { inner_[home_.id().value()]->synchronize(); }

void StagedExecution::set_threads(int n_threads) { options_.n_threads = n_threads; }

void StagedExecution::set_abort_callback(ggml_abort_callback callback, void* data) {
    options_.abort = callback;
    options_.abort_data = data;
}

}  // namespace hexcore
