#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "ggml-cpp.h"
#include "hexcore/backend/kernels/expert_team.hpp"

namespace hexcore {

/// A chain whose experts are spread, known to give ggml's bits.
struct SharedChain {
    int last = 0;  ///< node index
    ChainWork work;
};

/// A graph of one GPU for a token or a few, of which the chains of experts are computed by our own
/// kernels and all else by ggml's CUDA backend. How the two go together: token_graph.cpp.
class TokenGraph {
public:
    /// Null where the graph has no chain for `team`, or something that can't be recorded. Both must
    /// stay, and so must the graph's memory. `shared`: [index of the first node].
    [[nodiscard]] static std::unique_ptr<TokenGraph> create(ggml_cgraph& graph, ExpertTeam& team,
                                                            std::map<int, SharedChain> shared = {});
    ~TokenGraph();
    TokenGraph(const TokenGraph&) = delete;
    TokenGraph& operator=(const TokenGraph&) = delete;

    /// Begins to compute the graph, in the order of `backend`, which is the GPU's, and computes
    /// what the token has in main memory.
    [[nodiscard]] ggml_status compute(ggml_backend_t backend, const ComputeOptions& options);
    /// How many chains our kernels compute; before the first time, all that they may be able to.
    [[nodiscard]] std::size_t n_ours() const;
    /// Whether other GPUs compute experts of it. Then what was begun must be complete before
    /// anybody else begins such a graph on one of them: launches of two would wait for each other.
    [[nodiscard]] bool is_shared() const { return is_shared_; }

private:
    /// Nodes for ggml, and then, unless it is the last, a chain for us.
    struct Step {
        ggml_cgraph stretch{};
        ggml_cgraph chain{};  ///< its nodes; of no node: none follows
        ChainWork work{};
        bool is_ours = true;
    };

    TokenGraph(ggml_cgraph& graph, ExpertTeam& team) : graph_(graph), team_(team) {}

    [[nodiscard]] ggml_status compute_stretch(ggml_backend_t backend, ggml_cgraph& stretch);
    [[nodiscard]] ggml_status compute_steps(ggml_backend_t backend);
    [[nodiscard]] ggml_status try_steps(ggml_backend_t backend);
    [[nodiscard]] ggml_status record(ggml_backend_t backend);
    [[nodiscard]] ggml_status replay(ggml_backend_t backend);
    [[nodiscard]] ggml_status launch(ggml_backend_t backend, const ChainWork& work);
    [[nodiscard]] ggml_status answer_all();
    /// From here on ours goes on after what the backend has begun, or the backend after ours.
    [[nodiscard]] bool pass_to_us(ggml_backend_t backend);
    [[nodiscard]] bool pass_to(ggml_backend_t backend);

    ggml_cgraph& graph_;
    ExpertTeam& team_;
    bool is_shared_ = false;
    bool is_spread_ = false;  ///< some of it can't be computed in another way
    std::vector<Step> steps_;
    ComputeOptions options_;
    ggml_backend_event_ptr theirs_;
    ggml_backend_event_ptr ours_;
    std::uint64_t turn_ = 0;
    bool was_tried_ = false;
    bool can_record_ = true;
    bool is_recording_ = false;
    std::vector<hexcore_cuda_recording*> recordings_;  ///< of each engine that takes part
};

}  // namespace hexcore
