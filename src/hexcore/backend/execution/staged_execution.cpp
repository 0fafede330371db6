#include "hexcore/backend/execution/staged_execution.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {

StagedExecution::StagedExecution(Device& home, Borrowing borrowing,
                                 std::optional<MainMemoryTimes> times)
    : home_(home),
      inner_(home.inner_backend()),
      team_(ExpertTeam::create(home)),
      regions_(home, borrowing, times) {}

void StagedExecution::reserve(const ggml_cgraph& graph) {
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (is_routed(*graph.nodes[i])) {
            const ExpertRegion region = find_region(graph, i);
            regions_.reserve(graph, region);
            i = region.last;
        }
    }
    if (team_) {
        team_->reserve(graph, regions_.biases());
    }
}

ggml_status StagedExecution::compute(ggml_cgraph& graph) {
    if (graph.uid == 0 || graph.uid != uid_) {
        uid_ = 0;
        build(graph);
        uid_ = graph.uid;
    }
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Step& step = steps_[i];
        ggml_status status = GGML_STATUS_SUCCESS;
        if (step.at_home) {
            status = compute_at_home(step);
        } else if (step.trial) {
            status = compute_trial(graph, step, steps_[++i]);
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
    std::map<int, SharedChain> shared;  // of the home step in hand
    int n_messages = 0;
    for (int i = 0; i < graph.n_nodes; ++i) {
        if (!is_routed(*graph.nodes[i])) {
            continue;
        }
        const auto chain = team_ ? find_expert_chain(graph, i) : std::nullopt;
        auto work = chain ? team_->usable_shared(graph, *chain, n_messages) : std::nullopt;
        const auto verdict = work ? team_->verdict(*work) : std::nullopt;
        if (verdict == true) {
            lend(graph, *chain, *work);
            shared[i - first] = {.last = chain->last - first, .work = std::move(*work)};
            i = chain->last;
            continue;
        }
        add_home_step(graph, first, i, std::move(shared));
        shared.clear();
        add_region_step(graph, i);
        i = steps_.back().region.last;
        if (work && !verdict && i < chain->last) {
            steps_.back().trial = std::move(work);
            add_home_step(graph, i + 1, chain->last + 1);
            i = chain->last;
        }
        first = i + 1;
    }
    add_home_step(graph, first, graph.n_nodes, std::move(shared));
}

/// Not for a trial: rows of the CPU have other bits than those of a GPU.
void StagedExecution::lend(const ggml_cgraph& graph, const ExpertChain& chain, ChainWork& work) {
    if (!work.host) {
        return;
    }
    const ExpertRegion region = find_region(graph, chain.first);
    if (const auto times = regions_.times(graph, region, work.host->device().id(), options_)) {
        team_->lend(work, chain, *times);
    }
}

void StagedExecution::add_region_step(const ggml_cgraph& graph, int first) {
    Step& step = steps_.emplace_back();
    step.region = find_region(graph, first);
    step.rows = std::make_unique<ExpertRows>(*step.region.map, *step.region.ids);
    for (int j = first; j <= step.region.last; ++j) {
        step.n_products += is_sharded_product(*graph.nodes[j]) ? 1 : 0;
    }
}

void StagedExecution::add_home_step(const ggml_cgraph& graph, int first, int last,
                                    std::map<int, SharedChain> shared) {
    if (first == last) {
        return;
    }
    Step& step = steps_.emplace_back();
    step.at_home = std::make_unique<InnerGraph>(home_);
    for (int i = first; i < last; ++i) {
        step.at_home->add_node(*graph.nodes[i], ggml_node_get_use_count(&graph, i));
        if (is_sharded_product(*graph.nodes[i]) && !is_routed(*graph.nodes[i])) {
            step.whole_rows += row_count(*graph.nodes[i]);
        }
    }
    if (team_) {
        step.token = TokenGraph::create(step.at_home->finish(), *team_, std::move(shared));
    }
}

ggml_status StagedExecution::compute_at_home(Step& step) {
    home_.count_rows(step.whole_rows);
    if (!step.token) {
        return inner_->compute(step.at_home->finish(), options_);
    }
    if (!step.token->is_shared()) {
        return inner_->compute(*step.token, options_);
    }
    const auto turn = ExpertTeam::take_turn();
    const ggml_status status = inner_->compute(*step.token, options_);
    inner_->synchronize();
    return status;
}

ggml_status StagedExecution::compute_trial(const ggml_cgraph& graph, Step& region, Step& sum) {
    inner_->synchronize();
    if (!regions_.fill_biases(graph, region.region)) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    ChainWork trial = *region.trial;
    trial.experts.y = team_->trial_result(trial);
    trial.experts.is_counted = 0;  // ggml's rows are
    std::fill(std::begin(trial.experts.part.lent), std::end(trial.experts.part.lent),
              std::uint8_t{0});  // the CPU's rows have other bits
    bool is_equal = false;
    {
        const auto turn = ExpertTeam::take_turn();
        is_equal = team_->launch(trial);
        if (is_equal && trial.host) {
            is_equal = team_->answer(trial, options_) == GGML_STATUS_SUCCESS;
        }
        team_->synchronize();
    }
    ggml_status status = compute_region(graph, region);
    if (status == GGML_STATUS_SUCCESS) {
        status = compute_at_home(sum);
    }
    inner_->synchronize();
    uid_ = 0;  // the steps are others from now on
    if (status == GGML_STATUS_SUCCESS) {
        team_->set_verdict(
            trial, is_equal && team_->is_equal(trial, region.trial->experts.y, trial.experts.y));
    }
    return status;
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
