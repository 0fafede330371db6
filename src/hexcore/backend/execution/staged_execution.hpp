#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/backend/execution/expert_execution.hpp"
#include "hexcore/backend/execution/region_execution.hpp"
#include "hexcore/backend/kernels/token_graph.hpp"

namespace hexcore {

class Device;

/// Computes graphs of any device whose experts are on any devices. Everything but expert regions
/// goes to the home's inner backend as it is, and so does a token's region whose experts are all on
/// GPUs with kernels of ours, or some of them in main memory beside (ExpertTeam).
class StagedExecution : public ExpertExecution {
public:
    /// `times`: of experts in main memory, if they are not to be measured.
    explicit StagedExecution(Device& home, Borrowing borrowing = Borrowing::where_it_pays,
                             std::optional<MainMemoryTimes> times = std::nullopt);

    void reserve(const ggml_cgraph& graph) override;
    [[nodiscard]] ggml_status compute(ggml_cgraph& graph) override;
    void synchronize() override;
    void set_threads(int n_threads) override;
    void set_abort_callback(ggml_abort_callback callback, void* data) override;

private:
    /// A stretch of the graph that is computed at home, or (without it) an expert region.
    struct Step {
        std::unique_ptr<InnerGraph> at_home;
        std::unique_ptr<TokenGraph> token;  ///< of `at_home`, if we have kernels for some of it
        std::optional<ChainWork> trial;     ///< of a region and the step behind it, by our kernels
        ExpertRegion region;
        std::unique_ptr<ExpertRows> rows;
        std::uint64_t n_products = 0;  ///< of the region
        std::uint64_t whole_rows = 0;  ///< rows of products whose experts are all at home
    };

    void build(ggml_cgraph& graph);
    void add_home_step(const ggml_cgraph& graph, int first, int last,
                       std::map<int, SharedChain> shared = {});
    void add_region_step(const ggml_cgraph& graph, int first);
    void lend(const ggml_cgraph& graph, const ExpertChain& chain, ChainWork& work);
    [[nodiscard]] ggml_status compute_at_home(Step& step);
    /// The region's and the next one, which ends with the sum of its rows; then compares.
    [[nodiscard]] ggml_status compute_trial(const ggml_cgraph& graph, Step& region, Step& sum);
    [[nodiscard]] ggml_status compute_region(const ggml_cgraph& graph, Step& step);

    Device& home_;
    std::shared_ptr<InnerBackend> inner_;  ///< of home
    std::unique_ptr<ExpertTeam> team_;     ///< null where home has no kernels of ours
    RegionExecution regions_;
    ComputeOptions options_;
    std::uint64_t uid_ = 0;  ///< of the graph that the steps are of; 0: none
    std::vector<Step> steps_;
};

}  // namespace hexcore
