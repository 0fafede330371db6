// Plays what routers chose to caches of several sizes and policies, as if all experts lay in main
// memory. The first half of a trace fills them, the second is counted. Prints one JSON object;
// bench/expert-cache.py makes a table of it.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "hexcore/report/routing_trace.hpp"
#include "probe.hpp"
#include "replayed_caches.hpp"
#include "synthetic_routing.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::vector<std::string> traces;
    bool synthetic = false;
    std::vector<double> shares{0.05, 0.125, 0.25, 0.4, 0.6};
    std::vector<std::uint32_t> uploads{2, 8, 32};
    std::uint32_t window = 64;
    std::size_t delay = 1;
    std::size_t batch = 8;
};

/// What one batch needs, each expert once.
struct Step {
    std::vector<CachedExpert> experts;
    std::size_t tokens = 0;
};

struct Replay {
    std::vector<Step> steps;
    std::vector<Bytes> expert_bytes;  ///< [layer of the model]
    std::size_t n_experts = 0;
    std::size_t first_counted = 0;
    std::size_t prompt_batches = 0;  ///< that were left out
};

/// Batches of more tokens than `batch` are computed another way: prompts.
Replay replay_of(const RoutingTrace& trace, std::size_t batch) {
    Replay replay;
    replay.expert_bytes.resize(trace.header.n_layers);
    for (const RoutedLayer& layer : trace.header.layers) {
        replay.n_experts += layer.n_experts;
        replay.expert_bytes[layer.layer.value()] = layer.expert_bytes;
    }
    for (auto first = trace.tokens.begin(); first != trace.tokens.end();) {
        const auto end = std::find_if(first, trace.tokens.end(), [&](const RoutedToken& token) {
            return token.batch != first->batch;
        });
        Step step{{}, static_cast<std::size_t>(end - first)};
        for (std::size_t l = 0; l < trace.header.layers.size() && step.tokens <= batch; ++l) {
            for (auto token = first; token != end; ++token) {
                for (const ExpertId expert : token->experts[l]) {
                    const CachedExpert key{trace.header.layers[l].layer, expert};
                    // Those of one token are all different.
                    if (step.tokens == 1 ||
                        std::ranges::find(step.experts, key) == step.experts.end()) {
                        step.experts.push_back(key);
                    }
                }
            }
        }
        first = end;
        if (step.tokens > batch) {
            ++replay.prompt_batches;
        } else {
            replay.steps.push_back(std::move(step));
        }
    }
    replay.first_counted = replay.steps.size() / 2;
    return replay;
}

/// Those that were asked for most in some of the steps, so many as there are slots.
std::vector<CachedExpert> most_used(const Replay& replay, std::size_t from, std::size_t to,
                                    std::size_t slots) {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> count;
    for (std::size_t i = from; i < to; ++i) {
        for (const CachedExpert& expert : replay.steps[i].experts) {
            ++count[{expert.layer.value(), expert.expert.value()}];
        }
    }
    std::vector<std::pair<std::size_t, CachedExpert>> sorted;
    for (const auto& [key, n] : count) {
        sorted.emplace_back(n, CachedExpert{LayerIndex(key.first), ExpertId(key.second)});
    }
    std::ranges::stable_sort(sorted,
                             [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<CachedExpert> experts;
    for (std::size_t i = 0; i < std::min(slots, sorted.size()); ++i) {
        experts.push_back(sorted[i].second);
    }
    return experts;
}

Json played(const Replay& replay, ReplayedCache& cache) {
    std::uint64_t lookups = 0;
    std::uint64_t hits = 0;
    std::uint64_t copies = 0;
    std::size_t tokens = 0;
    Bytes missed;
    for (std::size_t i = 0; i < replay.steps.size(); ++i) {
        const bool counts = i >= replay.first_counted;
        for (const CachedExpert& expert : replay.steps[i].experts) {
            const bool hit = cache.lookup(expert);
            lookups += counts ? 1 : 0;
            hits += counts && hit ? 1 : 0;
            missed += counts && !hit ? replay.expert_bytes[expert.layer.value()] : Bytes();
        }
        const std::uint64_t copied = cache.end_token();
        copies += counts ? copied : 0;
        tokens += counts ? replay.steps[i].tokens : 0;
    }
    const double n = static_cast<double>(std::max<std::size_t>(tokens, 1));
    // Experts of all layers are as large in all models that there are, nearly.
    Bytes all;
    for (const Bytes bytes : replay.expert_bytes) {
        all += bytes;
    }
    std::size_t layers = 0;
    for (const Bytes bytes : replay.expert_bytes) {
        layers += bytes == Bytes() ? 0 : 1;
    }
    const double mean = all.as_double() / static_cast<double>(std::max<std::size_t>(layers, 1));
    return {{"hits_of_lookups_ratio",
             static_cast<double>(hits) / static_cast<double>(std::max<std::uint64_t>(lookups, 1))},
            {"uploads_per_token", static_cast<double>(copies) / n},
            {"uploaded_bytes_per_token", std::llround(static_cast<double>(copies) * mean / n)},
            {"missed_bytes_per_token", std::llround(missed.as_double() / n)}};
}

Json caches_of(const Replay& replay, const Options& options) {
    Json caches = Json::array();
    for (const double share : options.shares) {
        const auto slots =
            static_cast<std::uint32_t>(share * static_cast<double>(replay.n_experts));
        Json policies;
        for (const std::uint32_t uploads : options.uploads) {
            PolicyCache cache(
                {.slots = slots, .uploads_per_token = uploads, .window_tokens = options.window},
                options.delay);
            policies[fmt::format("second_miss_{}_a_token", uploads)] = played(replay, cache);
        }
        RecencyCache recency(slots);
        policies["plain_lru"] = played(replay, recency);
        const std::size_t n = replay.steps.size();
        FixedCache before(most_used(replay, 0, replay.first_counted, slots));
        policies["most_used_before"] = played(replay, before);
        FixedCache knowing(most_used(replay, replay.first_counted, n, slots));
        policies["most_used_then"] = played(replay, knowing);
        RandomCache random(slots);
        policies["random"] = played(replay, random);
        caches.push_back({{"slots", slots},
                          {"slots_of_experts_ratio",
                           static_cast<double>(slots) / static_cast<double>(replay.n_experts)},
                          {"policies", std::move(policies)}});
    }
    return caches;
}

/// How much what a step needs is what the one before needed.
double repeated_share(const Replay& replay) {
    std::size_t lookups = 0;
    std::size_t repeated = 0;
    for (std::size_t i = 1; i < replay.steps.size(); ++i) {
        FixedCache before(replay.steps[i - 1].experts);
        for (const CachedExpert& expert : replay.steps[i].experts) {
            ++lookups;
            repeated += before.lookup(expert) ? 1 : 0;
        }
    }
    return static_cast<double>(repeated) / static_cast<double>(std::max<std::size_t>(lookups, 1));
}

/// What the most used quarter of all experts has of the lookups.
double quarter_share(const Replay& replay) {
    const std::size_t n = replay.steps.size();
    FixedCache quarter(most_used(replay, 0, n, replay.n_experts / 4));
    std::size_t lookups = 0;
    std::size_t hits = 0;
    for (const Step& step : replay.steps) {
        for (const CachedExpert& expert : step.experts) {
            ++lookups;
            hits += quarter.lookup(expert) ? 1 : 0;
        }
    }
    return static_cast<double>(hits) / static_cast<double>(std::max<std::size_t>(lookups, 1));
}

Result<Json> figures_of(const RoutingTrace& trace, const std::string& name,
                        const Options& options) {
    const Replay replay = replay_of(trace, options.batch);
    if (replay.steps.size() < 2) {
        return fail(ErrorCode::bad_input,
                    "{} has {} batches of at most {} tokens; to fill caches and count takes two",
                    name, replay.steps.size(), options.batch);
    }
    std::size_t used = 0;
    for (const RoutedLayer& layer : trace.header.layers) {
        used += std::min(layer.n_experts, trace.header.n_experts_used);
    }
    return Json{{"trace", name},
                {"model", trace.header.model_name},
                {"layers", trace.header.layers.size()},
                {"experts", replay.n_experts},
                {"used_by_a_token", used},
                {"batches", replay.steps.size()},
                {"batches_counted", replay.steps.size() - replay.first_counted},
                {"prompt_batches_left_out", replay.prompt_batches},
                {"repeated_of_lookups_ratio", repeated_share(replay)},
                {"most_used_quarter_of_lookups_ratio", quarter_share(replay)},
                {"caches", caches_of(replay, options)}};
}

std::vector<SyntheticRouting> synthetic() {
    const SyntheticRouting wide{.name = "128 experts, 8 used"};
    const SyntheticRouting few{.name = "8 experts, 2 used", .layers = 32, .experts = 8, .used = 2};
    std::vector<SyntheticRouting> all;
    for (const SyntheticRouting& shape : {wide, few}) {
        const auto add = [&](const char* kind, double skew, double repeat, std::uint32_t drift) {
            SyntheticRouting routing = shape;
            routing.name = fmt::format("{}: {}", shape.name, kind);
            routing.skew = skew;
            routing.repeat = repeat;
            routing.drift = drift;
            all.push_back(routing);
        };
        add("a random router", 0, 0, 0);
        add("skew 0.8", 0.8, 0, 0);
        add("repeat 0.4", 0, 0.4, 0);
        add("skew 0.8, repeat 0.3, anew every 250", 0.8, 0.3, 250);
    }
    return all;
}

Result<Json> measure(const Options& options) {
    Json traces = Json::array();
    for (const std::string& path : options.traces) {
        HEXCORE_TRY(trace, read_routing_trace(std::filesystem::path(path)));
        HEXCORE_TRY(figures, figures_of(trace, path, options));
        traces.push_back(std::move(figures));
    }
    if (options.synthetic) {
        for (const SyntheticRouting& routing : synthetic()) {
            HEXCORE_TRY(figures, figures_of(synthetic_trace(routing), routing.name, options));
            traces.push_back(std::move(figures));
        }
    }
    return Json{{"window_tokens", options.window},
                {"delay_tokens", options.delay},
                {"traces", std::move(traces)}};
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App app("plays traces of routing to caches of experts");
    Options options;
    app.add_option("trace", options.traces, "files of docs/formats/routing-trace.md");
    app.add_flag("--synthetic", options.synthetic);
    app.add_option("--shares", options.shares)->delimiter(',');
    app.add_option("--uploads", options.uploads)->delimiter(',');
    app.add_option("--window", options.window);
    app.add_option("--delay", options.delay);
    app.add_option("--batch", options.batch);
    CLI11_PARSE(app, argc, argv);
    return print_figures(measure(options));
}
