// The work of a token, or of a few, as one CUDA graph, of ggml's kernels and ours.
//
// ggml's CUDA backend keeps its stream to itself, and records what it is given by itself when it
// sees the same graph for the second time. What a backend does offer is events: we have a stream of
// our own (the engine's), and where the work passes from one to the other an event is recorded in
// the one and waited for in the other. That also holds while our stream records: a stream that
// waits for an event of a recording one takes part in the recording, until that one waits for it.
// So a token is recorded once, with its kernels in one row, and then replayed with one launch.
//
// Within our recording ggml must not begin its own. It does so for a graph whose nodes are what
// they were, bit by bit; so each stretch that it gets differs from the last one in eight bytes that
// mean nothing, the padding of its first node. Stretches are parts of one graph, with the same
// sources and use counts as in the whole one, so what ggml fuses is what it fuses in a stock
// program.
//
// Where experts are spread, the other GPUs' launches are recorded in the same way, one behind the
// other, and nothing else with them: they wait for the home's words (cuda/experts.cuh), so no event
// goes between the GPUs. Those recordings begin first, and wait. The experts that are in main
// memory are computed by whoever began the token, while the GPU goes through it: it waits for them.
//
// The first time a graph is computed both ways: a chain by our kernel into memory of its own, then
// by ggml's, and the bits are compared, with the model's own weights on the card at hand. A chain
// that differs stays with ggml. Chains with spread experts were tried before (StagedExecution). The
// second time it is recorded.
#include "hexcore/backend/kernels/token_graph.hpp"

#include <algorithm>
#include <cstring>

#include "ggml-backend-impl.h"
#include "hexcore/backend/execution/inner_graph.hpp"

namespace hexcore {
namespace {

/// Whether ggml computes the node, on a GPU that has our kernels, without waiting for it in
/// between: by its matrix kernel for floats only tensors of whole tiles.
bool can_be_recorded(const ggml_tensor& node) {
    if (node.op != GGML_OP_MUL_MAT_ID) {
        return true;
    }
    const ggml_tensor& weight = *node.src[0];
    const bool is_half = weight.type == GGML_TYPE_F16 || weight.type == GGML_TYPE_BF16;
    const bool has_kernel =
        is_half ? ggml_is_contiguous(&weight) && weight.ne[0] % 64 == 0 && weight.ne[1] % 32 == 0
                : ggml_is_quantized(weight.type) && weight.type != GGML_TYPE_IQ1_M;
    return has_kernel && node.src[2]->ne[1] <= (is_half ? 1 : HEXCORE_CUDA_MOST_TOKENS);
}

}  // namespace

std::unique_ptr<TokenGraph> TokenGraph::create(ggml_cgraph& graph, ExpertTeam& team,
                                               std::map<int, SharedChain> shared) {
    std::unique_ptr<TokenGraph> result(new TokenGraph(graph, team));
    result->is_spread_ = !shared.empty();
    result->is_shared_ = result->is_spread_ && team.engines().size() > 1;
    int first = 0;
    for (int i = 0; i < graph.n_nodes; ++i) {
        int last = 0;
        ChainWork chosen;
        if (const auto known = shared.find(i); known != shared.end()) {
            last = known->second.last;
            chosen = std::move(known->second.work);
        } else {
            const auto chain = find_expert_chain(graph, i);
            auto work = chain ? team.usable(*chain) : std::nullopt;
            if (!work) {
                if (!can_be_recorded(*graph.nodes[i])) {
                    // What is spread can't be computed in any other way.
                    result->can_record_ = false;
                }
                continue;
            }
            last = chain->last;
            chosen = std::move(*work);
        }
        result->steps_.push_back({.stretch = part_of(graph, first, i),
                                  .chain = part_of(graph, i, last + 1),
                                  .work = std::move(chosen)});
        i = last;
        first = i + 1;
    }
    if (result->steps_.empty() || (!result->can_record_ && !result->is_spread_)) {
        return nullptr;
    }
    result->steps_.push_back({.stretch = part_of(graph, first, graph.n_nodes)});
    return result;
}

TokenGraph::~TokenGraph() {
    for (hexcore_cuda_recording* recording : recordings_) {
        team_.library().forget(recording);
    }
}

ggml_status TokenGraph::compute(ggml_backend_t backend, const ComputeOptions& options) {
    options_ = options;
    if (!theirs_) {
        ggml_backend_dev_t device = ggml_backend_get_device(backend);
        theirs_.reset(ggml_backend_event_new(device));
        ours_.reset(ggml_backend_event_new(device));
        if (!theirs_ || !ours_) {
            return GGML_STATUS_ALLOC_FAILED;
        }
    }
    if (is_spread_ && team_.is_given_up()) {
        return GGML_STATUS_FAILED;
    }
    if (is_shared_) {
        // The others' launches take their GPUs whole until home answers: also from what home may
        // still wait for. Nobody else can begin anything at home meanwhile.
        ggml_backend_synchronize(backend);
    }
    if (!was_tried_) {
        was_tried_ = true;
        return try_steps(backend);
    }
    if (n_ours() == 0) {
        return ggml_backend_graph_compute_async(backend, &graph_);
    }
    if (recordings_.empty() && can_record_) {
        const ggml_status status = record(backend);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
    }
    const ggml_status status = recordings_.empty() ? compute_steps(backend) : replay(backend);
    if (status == GGML_STATUS_SUCCESS) {
        team_.end_token();
    }
    return status;
}

// In the order of the launches, which wait for it one after the other. What failed is answered,
// too.
ggml_status TokenGraph::answer_all() {
    ggml_status first_failure = GGML_STATUS_SUCCESS;
    for (const Step& step : steps_) {
        if (step.work.host && step.is_ours) {
            const ggml_status status = team_.answer(step.work, options_);
            first_failure = first_failure == GGML_STATUS_SUCCESS ? status : first_failure;
        }
    }
    return first_failure;
}

// What waits for the CPU is answered before the driver is asked for anything else: another thread
// may hold its locks until the GPU is done.
ggml_status TokenGraph::replay(ggml_backend_t backend) {
    // The others first; home is what they wait for.
    for (std::size_t i = recordings_.size() - 1; i > 0; --i) {
        if (team_.library().replay(team_.engines()[i], recordings_[i]) != 0) {
            team_.give_up();
            return GGML_STATUS_FAILED;
        }
    }
    if (!pass_to_us(backend) ||
        team_.library().replay(team_.engines().front(), recordings_.front()) != 0) {
        team_.give_up();
        return GGML_STATUS_FAILED;
    }
    const ggml_status status = answer_all();
    return pass_to(backend) ? status : GGML_STATUS_FAILED;
}

std::size_t TokenGraph::n_ours() const {
    return static_cast<std::size_t>(
        std::count_if(steps_.begin(), steps_.end(),
                      [](const Step& step) { return step.is_ours && step.chain.n_nodes > 0; }));
}

bool TokenGraph::pass_to_us(ggml_backend_t backend) {
    ggml_backend_event_record(theirs_.get(), backend);
    return team_.library().wait(team_.engines().front(), theirs_->context) == 0;
}

bool TokenGraph::pass_to(ggml_backend_t backend) {
    if (team_.library().record(team_.engines().front(), ours_->context) != 0) {
        return false;
    }
    ggml_backend_event_wait(backend, ours_.get());
    return true;
}

ggml_status TokenGraph::launch(ggml_backend_t backend, const ChainWork& work) {
    if (!pass_to_us(backend) || !team_.launch(work)) {
        return GGML_STATUS_FAILED;
    }
    const ggml_status status =
        work.host && !is_recording_ ? team_.answer(work, options_) : GGML_STATUS_SUCCESS;
    return pass_to(backend) ? status : GGML_STATUS_FAILED;
}

ggml_status TokenGraph::compute_stretch(ggml_backend_t backend, ggml_cgraph& stretch) {
    if (stretch.n_nodes == 0) {
        return GGML_STATUS_SUCCESS;
    }
    ++turn_;
    static_assert(sizeof(stretch.nodes[0]->padding) == sizeof(turn_));
    std::memcpy(stretch.nodes[0]->padding, &turn_, sizeof(turn_));
    return ggml_backend_graph_compute_async(backend, &stretch);
}

ggml_status TokenGraph::compute_steps(ggml_backend_t backend) {
    for (Step& step : steps_) {
        ggml_status status = compute_stretch(backend, step.stretch);
        if (status == GGML_STATUS_SUCCESS && step.chain.n_nodes > 0) {
            status =
                step.is_ours ? launch(backend, step.work) : compute_stretch(backend, step.chain);
        }
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status TokenGraph::try_steps(ggml_backend_t backend) {
    for (Step& step : steps_) {
        ggml_status status = compute_stretch(backend, step.stretch);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
        if (step.chain.n_nodes == 0) {
            continue;
        }
        if (const auto known = team_.verdict(step.work)) {
            step.is_ours = *known;
            status = *known ? launch(backend, step.work) : GGML_STATUS_FAILED;
            // Home has not the weights to compute what is spread otherwise; and of several tokens
            // some may have been launched, whose results may lie over what ggml would read.
            if (status != GGML_STATUS_SUCCESS && !step.work.is_shared &&
                step.work.experts.shape.n_tokens == 1) {
                status = compute_stretch(backend, step.chain);
            }
            if (status != GGML_STATUS_SUCCESS) {
                return status;
            }
            continue;
        }
        // Ours first: ggml may put the result where x was.
        ChainWork trial = step.work;
        trial.experts.y = team_.trial_result(trial);
        step.is_ours = launch(backend, trial) == GGML_STATUS_SUCCESS;
        status = compute_stretch(backend, step.chain);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
        step.is_ours = step.is_ours && pass_to_us(backend) &&
                       team_.is_equal(trial, step.work.experts.y, trial.experts.y);
        team_.set_verdict(step.work, step.is_ours);
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status TokenGraph::record(ggml_backend_t backend) {
    const KernelLibrary& library = team_.library();
    const auto engines = team_.engines().first(is_shared_ ? team_.engines().size() : 1);
    can_record_ = false;  // if it fails, not again
    for (hexcore_cuda_engine* engine : engines) {
        if (library.begin_recording(engine) != 0) {
            return engine == engines.front() ? GGML_STATUS_SUCCESS : GGML_STATUS_FAILED;
        }
    }
    if (!pass_to(backend)) {
        return GGML_STATUS_FAILED;
    }
    is_recording_ = true;
    const ggml_status status = compute_steps(backend);
    is_recording_ = false;
    if (!pass_to_us(backend)) {
        return GGML_STATUS_FAILED;
    }
    recordings_.resize(engines.size());
    for (std::size_t i = 0; i < engines.size(); ++i) {
        if (library.end_recording(engines[i], &recordings_[i]) != 0) {
            recordings_.resize(i);
            return GGML_STATUS_FAILED;
        }
    }
    if (status != GGML_STATUS_SUCCESS) {
        for (hexcore_cuda_recording* recording : recordings_) {
            library.forget(recording);  // of a part of the graph
        }
        recordings_.clear();
    }
    return status;
}

}  // namespace hexcore
