#include "hexcore/backend/kernels/expert_team.hpp"

#include <algorithm>
#include <array>

#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

/// What a token reads of a layer, from which on a launch for each of a few tokens is faster than
/// ggml's kernel for all of them (docs/measured.md: 198 MB of Mixtral-8x7B are, 21 MB of
/// Qwen3-30B-A3B are not).
constexpr std::size_t large_experts_bytes = 100'000'000;

std::size_t bytes_of_token(const ExpertChain& chain) {
    const std::size_t up = chain.up == chain.gate ? 0 : chain.up->nb[2];
    return static_cast<std::size_t>(chain.shape.n_used) *
           (chain.gate->nb[2] + up + chain.down->nb[2]);
}

}  // namespace

ExpertTeam::ExpertTeam(Device& home, FewTokens few_tokens)
    : home_(home), few_tokens_(few_tokens), pinned_(home), cache_(home) {
    Machine& machine = home.machine();
    for (std::size_t d = 0; d < machine.size(); ++d) {
        kernels_.push_back(ExpertKernels::create(machine.device(DeviceId(d))));
    }
    is_member_.resize(kernels_.size());
    devices_.card_of.assign(kernels_.size(), TeamDevices::none);
}

std::unique_ptr<ExpertTeam> ExpertTeam::create(Device& home, FewTokens few_tokens) {
    std::unique_ptr<ExpertTeam> team(new ExpertTeam(home, few_tokens));
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
        for (std::size_t d = 0; d < devices_.card_of.size(); ++d) {
            if (devices_.card_of[d] == static_cast<int>(card) && shard < computed.size()) {
                home_.machine().device(DeviceId(d)).count_rows(computed[shard++] * n_products_);
            }
        }
    }
}

ExpertKernels& ExpertTeam::home_kernels() const { return *kernels_[home_.id().value()]; }

void ExpertTeam::reserve(const ggml_cgraph& graph, const ExpertBiases& biases) {
    biases_ = &biases;
    int n_messages = 0;
    for (int i = 0; i < graph.n_nodes; ++i) {
        const auto chain = find_expert_chain(graph, i);
        if (!chain || library().supports(&chain->shape) == 0) {
            continue;
        }
        const ExpertMap* const map =
            is_routed(*graph.nodes[i]) ? expert_map_of(*graph.nodes[i]->src[0]) : nullptr;
        if (map == nullptr) {
            home_kernels().reserve(chain->shape, false);
        } else if (chain->shape.n_tokens == 1) {
            reserve_shared(graph, *chain, *map, n_messages);
        }
        i = chain->last;
    }
    cache_.reserve();
}

void ExpertTeam::reserve_shared(const ggml_cgraph& graph, const ExpertChain& chain,
                                const ExpertMap& map, int& n_messages) {
    std::vector<std::size_t> members{home_.id().value()};
    std::vector<DeviceId> hosts;
    for (std::size_t d = 0; d < kernels_.size(); ++d) {
        const DeviceId id(d);
        if (map.count_on(id) == 0 || id == home_.id()) {
            continue;
        }
        if (home_.machine().device(id).is_host()) {
            hosts.push_back(id);
        } else if (kernels_[d] != nullptr) {
            members.push_back(d);
        } else {
            return;  // computed as a region
        }
    }
    if (hosts.size() > 1 ||
        (!hosts.empty() && host_ != nullptr && host_->host().id() != hosts.front())) {
        return;
    }
    for (const std::size_t d : members) {
        is_member_[d] = true;
        kernels_[d]->reserve(chain.shape, members.size() > 1);
    }
    if (!hosts.empty()) {
        reserve_host(hosts.front(), graph, chain, n_messages);
    }
}

void ExpertTeam::reserve_host(DeviceId host, const ggml_cgraph& graph, const ExpertChain& chain,
                              int& n_messages) {
    if (!host_) {
        host_ = std::make_unique<HostScratch>(home_.machine().device(host));
    }
    host_->reserve(graph, find_region(graph, chain.first), *biases_);
    cache_.add_layer(chain);
    n_messages_ = std::max(n_messages_, ++n_messages);
    largest_.n_embd = std::max(largest_.n_embd, chain.shape.n_embd);
    largest_.n_used = std::max(largest_.n_used, chain.shape.n_used);
    for (const ggml_tensor* weight : {chain.gate, chain.up, chain.down}) {
        if (const ShardedTensor* const shards = sharded(weight)) {  // not in a dry run
            (void)pin(*shards);
        }
    }
}

bool ExpertTeam::pin(const ShardedTensor& weight) {
    return pinned_.pin(weight.shards[host_->host().id().value()]);
}

bool ExpertTeam::open() {
    if (engines_.empty()) {
        hexcore_cuda_engine* const engine = home_kernels().engine();
        if (engine == nullptr) {
            return false;
        }
        engines_.push_back(engine);
        devices_.card_of[home_.id().value()] = 0;
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
    std::vector<int> card_of = devices_.card_of;
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
    if (host_) {
        card_of[host_->host().id().value()] = TeamDevices::in_main_memory;
    }
    const int n_cards = static_cast<int>(engines.size());
    if ((n_cards > 1 || n_messages_ > 0) &&
        library().form_team(engines.data(), n_cards, n_messages_, &largest_, &team_) != 0) {
        return false;
    }
    engines_ = std::move(engines);
    devices_ = {.card_of = std::move(card_of), .n_cards = n_cards};
    cannot_form_ = false;
    was_formed_ = true;
    return true;
}

std::optional<ChainWork> ExpertTeam::usable(const ExpertChain& chain) {
    if (chain.shape.n_tokens > 1 && few_tokens_ == FewTokens::of_large_experts &&
        bytes_of_token(chain) < large_experts_bytes) {
        return std::nullopt;
    }
    if (library().supports(&chain.shape) == 0 || !open() ||
        library().can_run(engines_.front(), &chain.shape) == 0 ||
        home_kernels().trial_result(chain.shape) == nullptr) {
        return std::nullopt;
    }
    return work_of(chain);
}

std::optional<ChainWork> ExpertTeam::usable_shared(const ggml_cgraph& graph,
                                                   const ExpertChain& chain, int& n_messages) {
    if (chain.shape.n_tokens != 1 || library().supports(&chain.shape) == 0 || !form() ||
        home_kernels().trial_result(chain.shape) == nullptr) {
        return std::nullopt;
    }
    const bool can_run = team_ == nullptr ? library().can_run(engines_.front(), &chain.shape) != 0
                                          : library().can_share(team_, &chain.shape) != 0;
    auto work = can_run ? shared_work_of(chain, devices_) : std::nullopt;
    n_products_ = chain.up == chain.gate ? 2 : 3;
    if (work && work->experts.part.in_main_memory.gate != nullptr) {
        if (n_messages == n_messages_ || chain.shape.n_embd > largest_.n_embd ||
            chain.shape.n_used > largest_.n_used) {
            return std::nullopt;
        }
        const ExpertRegion region = find_region(graph, chain.first);
        const ggml_tensor* const rows = graph.nodes[region.last];
        if (rows != (chain.down_bias == nullptr ? chain.rows : chain.rows->src[0])) {
            return std::nullopt;
        }
        work->host = std::make_shared<HostLayer>(*host_, graph, region, *biases_, home_);
        work->experts.part.message = n_messages++;
        cache_.join(*work, chain, library(), engines_.front());
    }
    return work;
}

void ExpertTeam::lend(ChainWork& work, const ExpertChain& chain, const MainMemoryTimes& times) {
    if (library().can_read_main_memory(engines_.front()) != 0 && pin(*sharded(chain.gate)) &&
        pin(*sharded(chain.up)) && pin(*sharded(chain.down))) {
        auto& lent = work.experts.part.lent;
        for (std::size_t n = 0; n < std::size(lent); ++n) {
            lent[n] = static_cast<std::uint8_t>(times.n_lent(n));
        }
    }
}

ggml_status ExpertTeam::answer(const ChainWork& work, const ComputeOptions& options) {
    bool was_heard = false;
    const ggml_status status =
        work.host->answer(library(), team_, work.experts, options, was_heard);
    if (was_heard) {
        cache_.note(work, work.host->experts(), work.host->ways());
    } else {
        give_up();
    }
    return status;
}

std::unique_lock<std::mutex> ExpertTeam::take_turn() {
    static std::mutex turns;
    return std::unique_lock(turns);
}

bool ExpertTeam::launch(const ChainWork& work) {
    if (is_given_up_) {
        return false;
    }
    const bool by_team = team_ != nullptr && work.is_shared;
    const int error = by_team ? library().launch_team(team_, &work.experts, work.parts.data())
                              : library().launch(engines_.front(), &work.experts);
    if (error != 0) {
        GGML_LOG_ERROR("hexcore: experts could not be launched on a GPU: %s\n",
                       library().error_text(error));
    }
    if (error != 0 && by_team) {
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
    return home_kernels().trial_result(work.experts.shape);
}

bool ExpertTeam::is_equal(const ChainWork& work, const float* a, const float* b) {
    int equal = 0;
    const auto& shape = work.experts.shape;
    const auto n =
        static_cast<std::size_t>(shape.n_embd) * static_cast<std::size_t>(shape.n_tokens);
    return library().compare(engines_.front(), a, b, n, &equal) == 0 && equal != 0;
}

void ExpertTeam::synchronize() {
    std::array<std::uint64_t, HEXCORE_CUDA_MOST_SHARDS> computed{};
    (void)library().count(engines_.front(), computed.data());
}

std::optional<bool> ExpertTeam::verdict(const ChainWork& work) const {
    const auto found = verdicts_.find({work.weights, work.experts.shape.n_tokens});
    return found == verdicts_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace hexcore
