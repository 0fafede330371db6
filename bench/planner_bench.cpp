// How long planning takes, and how that grows: layers, experts, devices, and what makes it hard
// (room to spare or not, hops that pay or not, experts of one size or two).

#include <benchmark/benchmark.h>

#include <cmath>
#include <optional>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {
namespace {

struct Machine {
    double bandwidth_bytes_per_s;
    double hop_latency_s;
};
constexpr Machine capped_host{10e9, 1e-6};
constexpr Machine slow_gpu{300e9, 10e-6};
constexpr Machine fast_gpu{3e12, 10e-6};

ModelFacts model(std::uint32_t dense, std::uint32_t layers, std::uint32_t experts,
                 std::uint32_t used, Bytes expert) {
    ModelFacts facts;
    facts.name = "bench";
    facts.n_experts = experts;
    facts.n_experts_used = used;
    facts.output = 70_MiB;
    LayerFacts layer;
    layer.weights = 24_MiB;
    layer.kv = 16_MiB;
    facts.layers.resize(dense + layers, layer);
    for (std::uint32_t l = dense; l < dense + layers; ++l) {
        facts.layers[l].n_experts = experts;
        facts.layers[l].expert = expert;
    }
    return facts;
}

/// Devices whose budgets are `fill` full; every second one a quarter larger where `unequal`.
std::vector<DeviceFacts> devices(const ModelFacts& facts, std::uint32_t n, double fill,
                                 bool unequal, Machine machine) {
    double total = facts.experts_bytes().as_double() + facts.output.as_double();
    for (const LayerFacts& layer : facts.layers) {
        total += (layer.weights + layer.kv).as_double();
    }
    std::vector<DeviceFacts> result;
    for (std::uint32_t d = 0; d < n; ++d) {
        DeviceFacts device;
        device.name = "device" + std::to_string(d);
        device.compute = 100_MiB;
        total += device.compute.as_double();
        device.bandwidth_bytes_per_s = machine.bandwidth_bytes_per_s;
        device.hop_latency_s = machine.hop_latency_s;
        result.push_back(device);
    }
    for (std::uint32_t d = 0; d < n; ++d) {
        const double weight = unequal && d % 2 == 1 ? 1.25 : 1.0;
        const double mean = unequal && n > 1 ? (1.0 + 1.25) / 2 : 1.0;
        result[d].budget = Bytes(static_cast<std::uint64_t>(total / n / fill * weight / mean));
    }
    return result;
}

void place_all(benchmark::State& state, const ModelFacts& facts,
               const std::vector<DeviceFacts>& machines, Policy policy) {
    std::optional<Placement> placed;
    for (auto _ : state) {
        auto found = place(facts, machines, policy);
        placed = found ? std::optional(std::move(*found)) : std::nullopt;
        benchmark::DoNotOptimize(placed);
    }
    state.counters["fits"] = placed ? 1 : 0;
    state.counters["token_us"] =
        placed ? 1e6 * modelled_token_seconds(facts, machines, *placed) : 0.0;
}

void register_case(const std::string& name, const ModelFacts& facts,
                   const std::vector<DeviceFacts>& machines) {
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        benchmark::RegisterBenchmark(
            (name + "/" + to_string(policy)).c_str(),
            [=](benchmark::State& state) { place_all(state, facts, machines, policy); })
            ->Unit(benchmark::kMillisecond);
    }
}

/// From shape to explained plan, with the times of all policies.
void register_plan(const std::string& name, const std::string& shape, std::uint32_t n,
                   Bytes budget) {
    PlanRequest request;
    request.model = profile_from_shape(shape, "q4_K").value();
    for (std::uint32_t d = 0; d < n; ++d) {
        DeviceFacts device;
        device.name = "device" + std::to_string(d);
        device.budget = budget;
        device.bandwidth_bytes_per_s = slow_gpu.bandwidth_bytes_per_s;
        device.hop_latency_s = slow_gpu.hop_latency_s;
        request.devices.push_back(device);
    }
    request.context.tokens = TokenCount(4096);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        bool fits = false;
        for (auto _ : state) {
            fits = make_plan(request).has_value();
            benchmark::DoNotOptimize(fits);
        }
        state.counters["fits"] = fits ? 1 : 0;
    })->Unit(benchmark::kMillisecond);
}

void register_all() {
    const ModelFacts mixtral = model(0, 32, 8, 2, Bytes(99090432));
    const ModelFacts deepseek = model(3, 58, 256, 8, 24_MiB);
    for (const auto& [name, machine] :
         {std::pair("host", capped_host), {"slow_gpu", slow_gpu}, {"fast_gpu", fast_gpu}}) {
        for (const double fill : {0.6, 0.98}) {
            const std::string suffix = std::string("/") + name + (fill > 0.9 ? "/tight" : "/roomy");
            register_case("32x8 on 2" + suffix, mixtral, devices(mixtral, 2, fill, false, machine));
            register_case("32x8 on 2 unequal" + suffix, mixtral,
                          devices(mixtral, 2, fill, true, machine));
            register_case("58x256 on 8" + suffix, deepseek,
                          devices(deepseek, 8, fill, false, machine));
            register_case("58x256 on 8 unequal" + suffix, deepseek,
                          devices(deepseek, 8, fill, true, machine));
        }
    }
    register_plan("whole plan: mixtral-8x7b on 2", "mixtral-8x7b", 2, 16_GiB);
    register_plan("whole plan: deepseek-v3 on 8", "deepseek-v3", 8, 60_GiB);
    ModelFacts mixed = deepseek;
    for (std::size_t l = 3; l < mixed.layers.size(); l += 2) {
        mixed.layers[l].expert = 31_MiB;
    }
    register_case("58x256 of two sizes on 8", mixed, devices(mixed, 8, 0.9, false, slow_gpu));
    register_case("58x256 on 8 that do not fit", deepseek,
                  devices(deepseek, 8, 1.02, false, slow_gpu));
    for (const std::uint32_t n : {1U, 2U, 4U, 8U, 16U}) {
        register_case("growth by devices: 32x64 on " + std::to_string(n),
                      model(0, 32, 64, 8, 8_MiB),
                      devices(model(0, 32, 64, 8, 8_MiB), n, 0.9, true, slow_gpu));
    }
    for (const std::uint32_t layers : {16U, 32U, 64U, 128U}) {
        const ModelFacts facts = model(0, layers, 64, 8, 8_MiB);
        register_case("growth by layers: " + std::to_string(layers) + "x64 on 4", facts,
                      devices(facts, 4, 0.9, true, slow_gpu));
    }
    for (const std::uint32_t experts : {8U, 32U, 128U, 512U}) {
        const ModelFacts facts = model(0, 32, experts, 8, 8_MiB);
        register_case("growth by experts: 32x" + std::to_string(experts) + " on 4", facts,
                      devices(facts, 4, 0.9, true, slow_gpu));
    }
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    // There are over 150 cases, which take a minute so. What is given goes before it.
    char seconds_a_case[] = "--benchmark_min_time=0.1";
    std::vector<char*> arguments(argv, argv + argc);
    arguments.insert(arguments.begin() + 1, seconds_a_case);
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    hexcore::register_all();
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
