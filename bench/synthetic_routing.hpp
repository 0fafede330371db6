#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/report/routing_trace.hpp"

namespace hexcore {

/// A model of routing, for what cannot be recorded here: expert number r of a layer's own order is
/// chosen with a weight of 1 / r^skew; each choice is instead, with a chance of `repeat`, one that
/// the token before had in this layer. After `drift` tokens all orders are drawn anew, as if
/// another text began; 0: never. Skew and repeat of 0 are a random router.
struct SyntheticRouting {
    std::string name;
    std::uint32_t layers = 48;
    std::uint32_t experts = 128;
    std::uint32_t used = 8;
    Bytes expert_bytes{2654208};
    std::uint32_t tokens = 2000;
    double skew = 0;
    double repeat = 0;
    std::uint32_t drift = 0;
};

/// The choices of one layer, token after token.
class SyntheticRouter {
public:
    SyntheticRouter(const SyntheticRouting& routing, std::uint64_t seed)
        : routing_(routing), random_(seed), order_(routing.experts), upto_(routing.experts) {
        std::iota(order_.begin(), order_.end(), 0U);
        double sum = 0;
        for (std::uint32_t rank = 0; rank < routing.experts; ++rank) {
            sum += 1 / std::pow(rank + 1.0, routing.skew);
            upto_[rank] = sum;
        }
        shuffle();
    }

    const std::vector<ExpertId>& next() {
        if (routing_.drift > 0 && ++tokens_ > routing_.drift) {
            tokens_ = 1;
            shuffle();
        }
        const std::vector<ExpertId> before = std::exchange(chosen_, {});
        std::uniform_real_distribution<double> chance(0, 1);
        while (chosen_.size() < routing_.used) {
            const bool again = !before.empty() && chance(random_) < routing_.repeat;
            const ExpertId expert = again ? before[below(before.size())] : any();
            // One that is chosen already is drawn again, so a token's choices are all different.
            if (std::ranges::find(chosen_, expert) == chosen_.end()) {
                chosen_.push_back(expert);
            }
        }
        return chosen_;
    }

private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    ExpertId any() {
        std::uniform_real_distribution<double> place(0, upto_.back());
        const auto found = std::ranges::upper_bound(upto_, place(random_));
        const auto rank = static_cast<std::size_t>(found - upto_.begin());
        return ExpertId(order_[std::min(rank, order_.size() - 1)]);
    }
    /// By its own hand, as std::shuffle differs between standard libraries.
    void shuffle() {
        for (std::size_t i = order_.size(); i > 1; --i) {
            std::swap(order_[i - 1], order_[below(i)]);
        }
    }

    const SyntheticRouting& routing_;
    std::mt19937_64 random_;
    std::vector<std::uint32_t> order_;
    std::vector<double> upto_;
    std::uint32_t tokens_ = 0;
    std::vector<ExpertId> chosen_;
};

inline RoutingTrace synthetic_trace(const SyntheticRouting& routing) {
    RoutingTrace trace;
    trace.header = {.model_name = routing.name,
                    .architecture = "synthetic",
                    .n_layers = routing.layers,
                    .n_experts_used = routing.used};
    std::vector<SyntheticRouter> routers;
    for (std::uint32_t layer = 0; layer < routing.layers; ++layer) {
        trace.header.layers.push_back({LayerIndex(layer), routing.experts, routing.expert_bytes});
        routers.emplace_back(routing, layer + 1);
    }
    for (std::uint32_t token = 0; token < routing.tokens; ++token) {
        RoutedToken& routed = trace.tokens.emplace_back();
        routed.batch = token + 1;
        routed.position = token;
        routed.kind = TokenKind::generated;
        for (SyntheticRouter& router : routers) {
            routed.experts.push_back(router.next());
        }
    }
    return trace;
}

}  // namespace hexcore
