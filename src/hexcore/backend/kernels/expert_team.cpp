#include "hexcore/backend/kernels/expert_team.hpp"

#include <algorithm>
#include <array>

#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {

ExpertTeam::ExpertTeam(Device& home) : home_(home) {
    Machine& machine = home.machine();
    for (std::size_t d = 0; d < machine.size(); ++d) {
        kernels_.push_back(ExpertKernels::create(machine.device(DeviceId(d))));
    }
    is_member_.resize(kernels_.size());
    card_of_.assign(kernels_.size(), -1);
}

std::unique_ptr<ExpertTeam> ExpertTeam::create(Device& home) {
    std::unique_ptr<ExpertTeam> team(new ExpertTeam(home));
    return team->kernels_[home.id().value()] ? std::move(team) : nullptr;
}

ExpertTeam::~ExpertTeam() {
    count_rows();
    if (team_ != nullptr) {
        library().disband(team_);
    }
}

void ExpertTeam::count_rows() {
    for (std::size_t card = 0; n_products_ > 0 && card < engines_.size(); ++card) {
        std::array<std::uint64_t, HEXCORE_CUDA_MOST_SHARDS> computed{};
        (void)library().count(engines_[card], computed.data());
        std::size_t shard = 0;
        for (std::size_t d = 0; d < card_of_.size(); ++d) {
            if (card_of_[d] == static_cast<int>(card) && shard < computed.size()) {
                home_.machine().device(DeviceId(d)).count_rows(computed[shard++] * n_products_);
            }
        }
    }
}

ExpertKernels& ExpertTeam::home_kernels() const { return *kernels_[home_.id().value()]; }

void ExpertTeam::reserve(const ggml_cgraph& graph) {
    for (int i = 0; i < graph.n_nodes; ++i) {
        const auto chain = find_expert_chain(graph, i);
        if (!chain || library().supports(&chain->shape) == 0) {
            continue;
        }
        const ExpertMap* const map =
            is_routed(*graph.nodes[i]) ? expert_map_of(*graph.nodes[i]->src[0]) : nullptr;
        i = chain->last;
        if (map == nullptr) {
            home_kernels().reserve(chain->shape, false);
            continue;
        }
        std::vector<std::size_t> members{home_.id().value()};
        bool can_share = true;
        for (std::size_t d = 0; d < kernels_.size(); ++d) {
            if (map->count_on(DeviceId(d)) > 0 && DeviceId(d) != home_.id()) {
                members.push_back(d);
                can_share = can_share && kernels_[d] != nullptr;
            }
        }
        for (std::size_t d = 0; can_share && d < kernels_.size(); ++d) {
            if (std::find(members.begin(), members.end(), d) != members.end()) {
                is_member_[d] = true;
                kernels_[d]->reserve(chain->shape, true);
            }
        }
    }
}

bool ExpertTeam::open() {
    if (engines_.empty()) {
        hexcore_cuda_engine* const engine = home_kernels().engine();
        if (engine == nullptr) {
            return false;
        }
        engines_.push_back(engine);
        card_of_[home_.id().value()] = 0;
    }
    return true;
}

bool ExpertTeam::form() {
    if (was_formed_ || cannot_form_) {
        return was_formed_;
    }
    cannot_form_ = true;  // until all is well
    if (!open()) {
        return false;
    }
    std::vector<hexcore_cuda_engine*> engines = engines_;
    std::vector<int> card_of = card_of_;
    for (std::size_t d = 0; d < kernels_.size(); ++d) {
        if (!is_member_[d] || DeviceId(d) == home_.id()) {
            continue;
        }
        hexcore_cuda_engine* const engine = kernels_[d]->engine();
        if (engine == nullptr) {
            return false;
        }
        const auto same = std::find_if(engines.begin(), engines.end(), [&](const auto* each) {
            return library().card(each) == library().card(engine);
        });
        card_of[d] = static_cast<int>(same - engines.begin());
        if (same == engines.end()) {
            engines.push_back(engine);
        }
    }
    if (engines.size() > 1 &&
        library().form_team(engines.data(), static_cast<int>(engines.size()), &team_) != 0) {
        return false;
    }
    engines_ = std::move(engines);
    card_of_ = std::move(card_of);
    cannot_form_ = false;
    was_formed_ = true;
    return true;
}

std::optional<ChainWork> ExpertTeam::usable(const ExpertChain& chain) {
    if (library().supports(&chain.shape) == 0 || !open() ||
        library().can_run(engines_.front(), &chain.shape) == 0 ||
        home_kernels().trial_result(chain.shape.n_embd) == nullptr) {
        return std::nullopt;
    }
    return work_of(chain);
}

std::optional<ChainWork> ExpertTeam::usable_shared(const ExpertChain& chain) {
    if (library().supports(&chain.shape) == 0 || !form() ||
        home_kernels().trial_result(chain.shape.n_embd) == nullptr) {
        return std::nullopt;
    }
    const bool can_run = team_ == nullptr ? library().can_run(engines_.front(), &chain.shape) != 0
                                          : library().can_share(team_, &chain.shape) != 0;
    n_products_ = chain.up == chain.gate ? 2 : 3;
    return can_run ? shared_work_of(chain, card_of_, static_cast<int>(engines_.size()))
                   : std::nullopt;
}

std::unique_lock<std::mutex> ExpertTeam::take_turn() {
    static std::mutex turns;
    return std::unique_lock(turns);
}

bool ExpertTeam::launch(const ChainWork& work) {
    if (is_given_up_) {
        return false;
    }
    const int error = work.parts.empty()
                          ? library().launch(engines_.front(), &work.experts)
                          : library().launch_team(team_, &work.experts, work.parts.data());
    if (error != 0) {
        GGML_LOG_ERROR("hexcore: experts could not be launched on a GPU: %s\n",
                       library().error_text(error));
    }
    if (error != 0 && !work.parts.empty()) {
        give_up();
    }
    return error == 0;
}

void ExpertTeam::give_up() {
    if (team_ != nullptr) {
        is_given_up_ = true;
        library().give_up(team_);
    }
}

float* ExpertTeam::trial_result(const ChainWork& work) const {
    return home_kernels().trial_result(work.experts.shape.n_embd);
}

bool ExpertTeam::is_equal(const ChainWork& work, const float* a, const float* b) {
    int equal = 0;
    return library().compare(engines_.front(), a, b,
                             static_cast<std::size_t>(work.experts.shape.n_embd), &equal) == 0 &&
           equal != 0;
}

void ExpertTeam::synchronize() {
    std::array<std::uint64_t, HEXCORE_CUDA_MOST_SHARDS> computed{};
    (void)library().count(engines_.front(), computed.data());
}

std::optional<bool> ExpertTeam::verdict(const ChainWork& work) const {
    const auto found = verdicts_.find(work.weights);
    return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace hexcore
