// What it costs that sets of adapters take turns: 1,000 switches of three sets over two contexts of
// a tiny mixture, on two capped host devices. Judged: no ledger and no more than 1 MiB of the
// process is larger afterwards. `new_weights` merges two sets with other weights each time.

#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <vector>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/device/own_memory.hpp"
#include "hexcore/model/merged_adapter.hpp"
#include "hexcore/session/adapter_contexts.hpp"
#include "support/temp_folder.hpp"
#include "support/tiny_adapter.hpp"

namespace hexcore {
namespace {

constexpr int n_switches = 1000;

/// A model with room for two of three sets.
class Switching {
public:
    Switching() {
        const auto path = folder_.path() / "tiny.gguf";
        test::write_tiny_mixture(path, {});
        const Inventory inventory = read_inventory(path).value();
        PlanningOptions options{.model = path,
                                .devices = {"host=64MiB", "host=64MiB"},
                                .reserve = 0_B,
                                .context = TokenCount(256)};
        for (std::uint32_t seed = 1; seed <= 3; ++seed) {
            const auto adapter = folder_.path() / fmt::format("adapter{}.gguf", seed);
            test::write_tiny_adapter(
                adapter, inventory, [](std::string_view) { return true; }, 8, seed);
            options.more_adapters.push_back({{.path = adapter}});
        }
        options.resident.sets = 1;
        options.merging = 2;
        planned_.emplace(PlannedModel::make(options).value());
        model_.emplace(planned_->load().value());
        contexts_.emplace(*model_, EngineOptions(), AdapterTurns{.resident = {.sets = 2}});
    }
    bool to_set(std::size_t i) { return contexts_->engine_for(*planned_->set(i % 3)).has_value(); }
    bool to_merge(std::size_t i) {
        const double weight = 0.001 * static_cast<double>(i % 999 + 1);
        const std::vector<std::vector<ChosenAdapter>> sets{*planned_->set(0), *planned_->set(1)};
        const auto merged = merged_adapters(sets, std::vector{weight, 1 - weight});
        return merged && contexts_->engine_for(*merged).has_value();
    }
    [[nodiscard]] std::vector<Usage> accounted() const {
        std::vector<Usage> all{planned_->machine().host().accounted()};
        for (std::size_t i = 0; i < planned_->machine().size(); ++i) {
            all.push_back(planned_->machine().device(DeviceId(i)).memory().accounted());
        }
        return all;
    }

private:
    test::TempFolder folder_;
    std::optional<PlannedModel> planned_;
    std::optional<LoadedModel> model_;
    std::optional<AdapterContexts> contexts_;
};

void run(benchmark::State& state, bool (Switching::*turn)(std::size_t)) {
    Switching switching;
    std::size_t i = 0;
    for (; i < 60; ++i) {
        (switching.*turn)(i);
    }
    const std::vector<Usage> before = switching.accounted();
    give_back_free_pages();
    const Bytes held = own_memory().value_or(Bytes());
    for (auto _ : state) {
        if (!(switching.*turn)(i++)) {
            state.SkipWithError("a switch was refused");
        }
    }
    give_back_free_pages();
    const Bytes held_now = own_memory().value_or(Bytes());
    if (switching.accounted() != before) {
        state.SkipWithError("a ledger has other bytes than before");
    } else if (held_now > held + 1_MiB) {
        state.SkipWithError("the process grew");
    }
    state.counters["grown_bytes"] =
        static_cast<double>(held_now.count()) - static_cast<double>(held.count());
}

void turns(benchmark::State& state) { run(state, &Switching::to_set); }
void new_weights(benchmark::State& state) { run(state, &Switching::to_merge); }

BENCHMARK(turns)->Iterations(n_switches)->Unit(benchmark::kMillisecond);
BENCHMARK(new_weights)->Iterations(n_switches)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hexcore

BENCHMARK_MAIN();
