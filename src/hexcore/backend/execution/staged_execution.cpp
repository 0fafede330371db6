#include "hexcore/backend/execution/staged_execution.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {

StagedExecution::StagedExecution(Device& home, Borrowing borrowing)
    : home_(home),
      inner_(home.inner_backend()),
      kernels_(ExpertKernels::create(home)),
      regions_(home, borrowing) {}

void StagedExecution::reserve(const ggml_cgraph& graph) {
    if (kernels_) {
        kernels_->reserve(graph);
    }
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (is_routed(*graph.nodes[i])) {
            const ExpertRegion region = find_region(graph, i);
            regions_.reserve(graph, region);
            i = region.last;
        }
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
            status = step.token ? inner_->compute(*step.token, options_)
                                : inner_->compute(step.at_home->finish(), options_);
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
    const ggml_status status = regions_.compute(graph, step.region, *step.rows, options_);
    for (std::size_t d = 0; d < home_.machine().size() && status == GGML_STATUS_SUCCESS; ++d) {
        const DeviceId id(d);
        home_.machine().device(id).count_rows(step.rows->count(id) * step.n_products);
    }
    return status;
}

void StagedExecution::synchronize() { inner_->synchronize(); }

void StagedExecution::set_threads(int n_threads) { options_.n_threads = n_threads; }

void StagedExecution::set_abort_callback(ggml_abort_callback callback, void* data) {
    options_.abort = callback;
    options_.abort_data = data;
}

}  // namespace hexcore
