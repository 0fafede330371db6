#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hexcore/backend/experts/pinned_experts.hpp"
#include "hexcore/backend/kernels/chain_work.hpp"
#include "hexcore/backend/kernels/expert_cache.hpp"
#include "hexcore/backend/kernels/expert_kernels.hpp"
#include "hexcore/backend/kernels/host_layer.hpp"
#include "hexcore/plan/main_memory_times.hpp"

namespace hexcore {

class Device;

/// Which batches of a few tokens our kernels compute, one token after the other.
enum class FewTokens {
    of_large_experts,  ///< where that is faster than ggml's kernels, which take all at once
    always             ///< to try it with small ones
};

/// Our own kernels for the graphs of one context at home on one GPU: for experts that are all
/// there, and, together with those of other GPUs and the CPU, for experts that are spread over them
/// and main memory. GPUs that are one card count as one, which computes the experts of both.
class ExpertTeam {
public:
    /// Null where `home` has no kernels of ours.
    [[nodiscard]] static std::unique_ptr<ExpertTeam> create(
        Device& home, FewTokens few_tokens = FewTokens::of_large_experts);
    ~ExpertTeam();
    ExpertTeam(const ExpertTeam&) = delete;
    ExpertTeam& operator=(const ExpertTeam&) = delete;

    /// Takes scratch memory on every device of the team for the chains of the graph. A refusal is
    /// kept by the device's memory. Works on simulated devices, too. `biases` must stay.
    void reserve(const ggml_cgraph& graph, const ExpertBiases& biases);

    /// What to launch for a chain; nothing where it can't be computed here.
    [[nodiscard]] std::optional<ChainWork> usable(const ExpertChain& chain);
    /// The same for one of a graph of libllama's own, with experts in shards, of one token.
    /// `n_messages`: of the graph's chains so far with experts in main memory; goes up with another
    /// one.
    [[nodiscard]] std::optional<ChainWork> usable_shared(const ggml_cgraph& graph,
                                                         const ExpertChain& chain, int& n_messages);

    /// Has the GPU at home fetch some of the work's experts in main memory itself where that is
    /// faster, if it can read them there.
    void lend(ChainWork& work, const ExpertChain& chain, const MainMemoryTimes& times);

    /// To be held from the launch of shared work until it is complete, by one team of this process
    /// at a time: launches of two, each on one of two GPUs, would wait for each other.
    [[nodiscard]] static std::unique_lock<std::mutex> take_turn();
    /// Begins to compute, on each GPU in the order of its engine. What has experts in main memory
    /// is to be answered then.
    [[nodiscard]] bool launch(const ChainWork& work);
    /// Computes those, once for each time that it was launched.
    [[nodiscard]] ggml_status answer(const ChainWork& work, const ComputeOptions& options);
    /// After all of a token's were.
    void end_token() { cache_.end_token(); }
    /// Room at home for a result, to compare it.
    [[nodiscard]] float* trial_result(const ChainWork& work) const;
    /// Whether two results of the work have the same bits; waits for what was launched.
    [[nodiscard]] bool is_equal(const ChainWork& work, const float* a, const float* b);
    /// Waits for what was launched at home, and with it for all that it waits for.
    void synchronize();
    /// Whether a layer gave ggml's bits for as many tokens; nothing: it wasn't tried.
    [[nodiscard]] std::optional<bool> verdict(const ChainWork& work) const;
    void set_verdict(const ChainWork& work, bool is_equal) {
        verdicts_[{work.weights, work.experts.shape.n_tokens}] = is_equal;
    }

    [[nodiscard]] const KernelLibrary& library() const { return home_kernels().library(); }
    /// Of home first, then the others; these only once a shared chain was found usable.
    [[nodiscard]] std::span<hexcore_cuda_engine* const> engines() const { return engines_; }
    /// Whether it was. Nothing can be computed any more.
    [[nodiscard]] bool is_given_up() const { return is_given_up_; }
    /// To be called when something was launched on some of the team and can't be on the others.
    void give_up();

private:
    ExpertTeam(Device& home, FewTokens few_tokens);

    [[nodiscard]] ExpertKernels& home_kernels() const;
    void reserve_shared(const ggml_cgraph& graph, const ExpertChain& chain, const ExpertMap& map,
                        int& n_messages);
    void reserve_host(DeviceId host, const ggml_cgraph& graph, const ExpertChain& chain,
                      int& n_messages);
    [[nodiscard]] bool open();
    [[nodiscard]] bool form();
    [[nodiscard]] bool pin(const ShardedTensor& weight);
    void count_rows();

    Device& home_;
    const FewTokens few_tokens_;
    std::vector<std::unique_ptr<ExpertKernels>> kernels_;  ///< [device]; null: has none
    std::vector<bool> is_member_;                          ///< [device] holds experts of home's
    std::vector<hexcore_cuda_engine*> engines_;            ///< [card]
    TeamDevices devices_;
    std::unique_ptr<HostScratch> host_;  ///< null: no chain has experts in main memory
    const ExpertBiases* biases_ = nullptr;
    int n_messages_ = 0;            ///< the most chains of a graph with experts there
    hexcore_cuda_shape largest_{};  ///< of them
    PinnedExperts pinned_;
    ExpertCache cache_;
    hexcore_cuda_team* team_ = nullptr;  ///< of more than one card, or with the host
    std::uint64_t n_products_ = 0;       ///< of a shared chain
    bool was_formed_ = false;
    bool cannot_form_ = false;
    bool is_given_up_ = false;
    std::map<std::pair<const void*, int>, bool> verdicts_;  ///< [weights, tokens]
};

}  // namespace hexcore
