// Every architecture with experts, as a tiny model: what plain libllama computes Hexcore must plan,
// load as planned to the byte, and compute to the bit. Each test is a process of its own (ctest),
// so one that crashes hides no other.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "hexcore/plan/cache_budget.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "hexcore/runtime/loaded_model.hpp"
#include "hexcore/runtime/model_outputs.hpp"
#include "hexcore/runtime/verify.hpp"
#include "hexcore/session/kv_manager.hpp"
#include "mixtures/conversations.hpp"
#include "mixtures/tiny_architectures.hpp"
#include "mixtures/traced_routing.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

constexpr std::uint32_t ubatch = 16;
constexpr std::size_t n_tokens = 21;

const std::vector<TinyVariant> variants = {
    {.name = "plain"},
    {.name = "optional", .optional_tensors = true},
    {.name = "grouped", .grouped = true},
    {.name = "next_tokens", .next_tokens = true},
};

/// One way to run a model.
struct Cell {
    std::size_t variant = 0;
    std::uint32_t sequences = 1;
    std::size_t n_devices = 1;
    KvType kv_type = KvType::f16;

    [[nodiscard]] std::string name() const {
        return fmt::format("{}, {} sequences, {} devices, {}", variants[variant].name, sequences,
                           n_devices, to_string(kv_type));
    }
};

bool all_cells_are_run() { return std::getenv("HEXCORE_ALL_MIXTURE_CELLS") != nullptr; }

/// All cells, or twelve in which each value of one property meets each value of every other.
std::vector<Cell> cells() {
    const bool all = all_cells_are_run();
    std::vector<Cell> result;
    for (std::size_t variant = 0; variant < variants.size(); ++variant) {
        for (std::size_t s = 0; s < 3; ++s) {
            for (std::size_t devices = 0; devices < 3; ++devices) {
                for (std::size_t kv = 0; kv < 2; ++kv) {
                    if (all || (devices == (variant + s) % 3 && kv == (variant + s) % 2)) {
                        result.push_back({.variant = variant,
                                          .sequences = 1U << s,
                                          .n_devices = devices + 1,
                                          .kv_type = kv == 0 ? KvType::f16 : KvType::q8_0});
                    }
                }
            }
        }
    }
    return result;
}

std::vector<std::string> mixtures() {
    std::ifstream file(HEXCORE_MIXTURES);
    std::vector<std::string> names;
    for (std::string name; std::getline(file, name);) {
        names.push_back(name);
    }
    return names;
}

/// What plain libllama computes for one way to run a model; it needs no devices to tell.
using PlainKey = std::tuple<std::size_t, std::uint32_t, KvType>;  // variant, sequences, cache
struct Plain {
    Outputs outputs = Outputs::logits;
    std::vector<float> values;
};

class Mixture : public ::testing::TestWithParam<std::string> {
protected:
    /// Runs `work` in a process of its own, which may crash; whether it came to its end with true.
    template <typename Work>
    static bool in_child(Work work) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(work() ? 0 : 1);
        }
        int status = 1;
        return ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
               WEXITSTATUS(status) == 0;
    }

    std::filesystem::path file_of(std::size_t variant) const {
        return folder_ / (variants[variant].name + ".gguf");
    }

    static std::unique_ptr<Machine> make_machine(std::size_t n_devices) {
        std::vector<DeviceSpec> specs(n_devices);
        for (std::size_t i = 0; i < n_devices; ++i) {
            specs[i].name = fmt::format("host{}", i);
            specs[i].budget = 1_GiB;
        }
        return Machine::create(specs).value();
    }

    static ContextShape context_of(const Cell& cell) {
        return {.tokens = TokenCount(256 * cell.sequences),
                .sequences = cell.sequences,
                .kv_type = cell.kv_type,
                .ubatch = TokenCount(ubatch)};
    }

    static VerifyOptions verification_of(const Cell& cell, Outputs outputs, std::uint32_t n_vocab) {
        VerifyOptions options;
        options.batch = cell.sequences == 1 ? 5 : cell.sequences == 2 ? ubatch : ubatch + 4;
        options.threads = 1;
        options.outputs = outputs;
        for (std::size_t i = 0; i < n_tokens; ++i) {
            options.tokens.push_back(static_cast<llama_token>((i * 37 + 11) % n_vocab));
        }
        return options;
    }

    /// In a child: the outputs to `to`, after one number that says what they are.
    static bool write_plain(const std::filesystem::path& model, const Cell& cell,
                            const std::filesystem::path& to) {
        const auto inventory = read_inventory(model);
        if (!inventory) {
            return false;
        }
        const auto outputs = outputs_of(*inventory);
        if (!outputs) {
            return false;
        }
        const auto machine = make_machine(1);
        Plan plan;
        plan.context = context_of(cell);
        plan.placement.layer_device.assign(inventory->n_layers, DeviceId(0));
        const auto values = plain_outputs(*machine, *inventory, plan,
                                          verification_of(cell, *outputs, inventory->n_vocab));
        if (!values) {
            return false;
        }
        std::ofstream file(to, std::ios::binary);
        file.put(*outputs == Outputs::logits ? 'l' : 'e');
        file.write(reinterpret_cast<const char*>(values->data()),
                   static_cast<std::streamsize>(values->size() * sizeof(float)));
        return file.good();
    }

    /// What plain libllama computes; nothing where llama.cpp does not run the model so.
    const std::optional<Plain>& plain(const Cell& cell) {
        const PlainKey key{cell.variant, cell.sequences, cell.kv_type};
        const auto known = plain_.find(key);
        if (known != plain_.end()) {
            return known->second;
        }
        std::optional<Plain>& result = plain_[key];
        if (!std::filesystem::exists(file_of(cell.variant))) {
            return result;
        }
        const std::filesystem::path file = folder_ / "plain";
        if (in_child([&] { return write_plain(file_of(cell.variant), cell, file); })) {
            std::ifstream in(file, std::ios::binary);
            result.emplace();
            result->outputs = in.get() == 'l' ? Outputs::logits : Outputs::embeddings;
            result->values.resize((std::filesystem::file_size(file) - 1) / sizeof(float));
            in.read(reinterpret_cast<char*>(result->values.data()),
                    static_cast<std::streamsize>(result->values.size() * sizeof(float)));
        }
        return result;
    }

    /// Two sequences may slide, too.
    static ContextOptions computing_of(const Cell& cell, const VerifyOptions& options) {
        ContextOptions computing = context_options(ubatch, options);
        computing.shift = cell.sequences == 2 ? KeyShift::planned : KeyShift::never;
        return computing;
    }

    static PlanRequest request_for(const Machine& machine, const Inventory& inventory,
                                   const Cell& cell) {
        PlanRequest request;
        request.model = profile_from_inventory(inventory);
        for (const DeviceSpec& spec : machine.specs()) {
            DeviceFacts& device = request.devices.emplace_back();
            device.name = spec.name;
            device.budget = spec.budget;
            device.bandwidth_bytes_per_s = 1e10;
            device.hop_latency_s = 1e-6;
        }
        request.context = context_of(cell);
        request.policy = cell.n_devices == 1 ? Policy::balanced : Policy::alternate;
        return request;
    }

    static Result<Plan> plan_for(const Machine& machine, const Inventory& inventory,
                                 const Cell& cell, const VerifyOptions& options) {
        return make_plan(request_for(machine, inventory, cell),
                         make_dry_run(machine, inventory, computing_of(cell, options)));
    }

    /// The context is found again by what its cache takes.
    static void expect_found_by_its_cache(const Machine& machine, const Inventory& inventory,
                                          const Cell& cell, const VerifyOptions& options,
                                          const Plan& plan) {
        const DryRun dry_run = make_dry_run(machine, inventory, computing_of(cell, options));
        const PlanRequest request = request_for(machine, inventory, cell);
        const Bytes taken = cache_bytes_of(plan);
        const auto found = longest_within(request, taken, dry_run);
        ASSERT_TRUE(found.has_value()) << found.error().message;
        EXPECT_GE(found->tokens, plan.context.tokens) << found->sentence;
        const auto less = longest_within(request, taken - 1_B, dry_run);
        EXPECT_TRUE(!less || less->tokens < found->tokens);
    }

    /// Where layers have a window, their cells for all tokens are planned to the byte, too.
    static void expect_whole_windows_as_planned(Machine& machine, const Inventory& inventory,
                                                const Cell& cell, const VerifyOptions& options) {
        PlanRequest request = request_for(machine, inventory, cell);
        request.context.tokens = TokenCount(1024 * cell.sequences);
        const DryRun dry_run = make_dry_run(machine, inventory, computing_of(cell, options));
        const auto windows = make_plan(request, dry_run);
        request.context.swa_full = true;
        const auto whole = make_plan(request, dry_run);
        ASSERT_TRUE(windows && whole);
        ASSERT_EQ(windows->cache->forget, Forgetting::within_reach);
        ASSERT_EQ(whole->cache->forget, Forgetting::in_cache);
        LoadOptions load;
        load.context = computing_of(cell, options);
        auto session = LoadedModel::load(machine, inventory, *whole, load);
        ASSERT_TRUE(session.has_value()) << session.error().message;
        expect_as_planned(*whole, *session);
        EXPECT_EQ(abilities_of(*session), *whole->cache);
        // Some have a window that is longer than all of the context here.
        const bool is_cut = llama_model_n_swa(&session->model()) < 512;
        EXPECT_EQ(cache_bytes_of(*whole) > cache_bytes_of(*windows), is_cut);
    }

    static std::string text(const Usage& usage) {
        std::string text;
        for (const Purpose purpose : all_purposes) {
            text += fmt::format("{} {} ", to_string(purpose), usage[purpose].count());
        }
        return text;
    }

    static void expect_as_planned(const Plan& plan, LoadedModel& session) {
        for (std::size_t i = 0; i < plan.devices.size(); ++i) {
            const Device& device = session.machine().device(DeviceId(i));
            EXPECT_EQ(text(plan.devices[i].planned), text(device.memory().accounted()))
                << device.name();
        }
        EXPECT_EQ(text(plan.host), text(session.host_usage())) << "host memory";
    }

    void run(const Cell& cell, const Plain& expected) {
        const auto inventory = read_inventory(file_of(cell.variant));
        ASSERT_TRUE(inventory.has_value()) << inventory.error().message;
        const auto machine = make_machine(cell.n_devices);
        const VerifyOptions options = verification_of(cell, expected.outputs, inventory->n_vocab);
        const auto plan = plan_for(*machine, *inventory, cell, options);
        ASSERT_TRUE(plan.has_value()) << plan.error().message;
        LoadOptions load;
        load.context = computing_of(cell, options);
        auto session = LoadedModel::load(*machine, *inventory, *plan, load);
        ASSERT_TRUE(session.has_value()) << session.error().message;
        expect_as_planned(*plan, *session);
        const auto values = planned_outputs(*session, options);
        ASSERT_TRUE(values.has_value()) << values.error().message;
        expect_as_planned(*plan, *session);
        const VerifyReport report = compare_outputs(*values, expected.values, options);
        EXPECT_TRUE(report.identical) << report.max_relative_error;
        EXPECT_TRUE(std::isfinite(report.max_relative_error));
        note_features(cell, *inventory, *plan, expected.outputs);
        if (cell.sequences == 2 && expected.outputs == Outputs::logits) {
            // Diffusion models keep nothing of a text.
            const bool has_cache = llama_get_memory(&session->context()) != nullptr;
            ASSERT_EQ(plan->cache.has_value(), has_cache);
            EXPECT_EQ(plan->cache.value_or(abilities_of(*session)), abilities_of(*session));
            converse(*session);
            expect_true_figures(*session);
            expect_as_planned(*plan, *session);
            if (cell.variant == 0 && has_cache) {
                expect_found_by_its_cache(*machine, *inventory, cell, options, *plan);
                session = fail(ErrorCode::negative, "unloaded");
                if (GetParam() != "refact") {  // whose experts libllama reads and never computes
                    expect_traced_routing(*machine, *inventory, *plan, load);
                }
                if (plan->cache->forget == Forgetting::within_reach) {
                    expect_whole_windows_as_planned(*machine, *inventory, cell, options);
                }
            }
        }
    }

    /// What was in the models that passed, for the table in docs.
    void note_features(const Cell& cell, const Inventory& inventory, const Plan& plan,
                       Outputs outputs) {
        for (const TensorInfo& tensor : inventory.tensors) {
            for (const auto& [part, feature] :
                 {std::pair("_gate_up_exps.", "fused gate and up"), std::pair("_shexp.", "shared"),
                  std::pair("_exps.bias", "biases"), std::pair("_exps.scale", "scales"),
                  std::pair(".nextn.", "next tokens")}) {
                if (tensor.name.find(part) != std::string::npos) {
                    features_.insert(feature);
                }
            }
        }
        for (const PlannedDevice& device : plan.devices) {
            if (device.planned.recurrent > Bytes{}) {
                features_.insert("recurrent state");
            }
        }
        if (cell.kv_type == KvType::q8_0) {
            features_.insert("q8_0 cache");
        }
        if (outputs == Outputs::embeddings) {
            features_.insert("embeddings only");
        }
        sequences_ = std::max(sequences_, cell.sequences);
    }

    /// For the table in docs, which is about the twelve cells.
    void write_result(const std::vector<Cell>& ran) const {
        if (all_cells_are_run()) {
            return;
        }
        const nlohmann::ordered_json result = {
            {"architecture", GetParam()}, {"passed", !HasFailure()}, {"ran", ran.size()},
            {"of", cells().size()},       {"sequences", sequences_}, {"features", features_}};
        std::filesystem::create_directories(HEXCORE_MIXTURE_RESULTS);
        std::ofstream(std::filesystem::path(HEXCORE_MIXTURE_RESULTS) / (GetParam() + ".json"))
            << result.dump() << '\n';
    }

    TempFolder folder_;
    std::set<std::string> features_;
    std::uint32_t sequences_ = 0;
    std::map<PlainKey, std::optional<Plain>> plain_;
};

TEST_P(Mixture, IsPlannedToTheByteAndComputedToTheBit) {
    ::setenv("GGML_NO_BACKTRACE", "1", 1);
    for (std::size_t variant = 0; variant < variants.size(); ++variant) {
        // What a crash left half written is no model.
        if (!in_child([&] {
                const LlamaLog quiet;
                return write_architecture(GetParam(), variants[variant], file_of(variant))
                    .has_value();
            })) {
            std::filesystem::remove(file_of(variant));
        }
    }
    std::vector<Cell> possible;
    for (const Cell& cell : cells()) {
        if (plain(cell)) {
            possible.push_back(cell);
        }
    }
    for (const Cell& cell : possible) {
        SCOPED_TRACE(cell.name());
        run(cell, *plain(cell));
    }
    EXPECT_TRUE(!possible.empty() && possible.front().variant == 0)
        << "llama.cpp runs no tiny model of it";
    write_result(possible);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::ranges::replace_if(
        name, [](char c) { return !std::isalnum(c); }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Every, Mixture, ::testing::ValuesIn(mixtures()), test_name);

}  // namespace
}  // namespace hexcore::test
