#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/api/planned_adapters.hpp"
#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/parking_limits.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore {

/// Who reads the tensors of a planned model.
enum class Reader {
    hexcore,        ///< LoadedModel::load(), by way of staging memory, which is planned
    stock_program,  ///< one of llama.cpp's that has Hexcore as a plugin
};

/// What is to be planned. The defaults are those of `hexcore plan`.
struct PlanningOptions {
    std::filesystem::path model = {};  ///< a GGUF file; of a split model, any part
    /// `host=320MiB`, `cuda:0`, `cuda:0=16GiB`, `rpc:HOST:PORT[=SIZE]` or a size, in order; none:
    /// all that there are. See resolve_devices().
    std::vector<std::string> devices = {};
    std::optional<Bytes> reserve = {};  ///< of each device; none: 1/16 of its budget, 1 GiB at most
    /// Of all sequences together; 0: default_context_tokens for each.
    TokenCount context = {};
    /// What the KV cache of all sequences may take; the context is the longest for which it does.
    /// In place of `context`.
    std::optional<Bytes> cache_budget = {};
    /// PlanRequest::expert_cache
    Bytes expert_cache = {};
    bool longest_context = false;  ///< that fits, and is at most `context` where that is not 0
    std::uint32_t sequences = 1;
    TokenCount ubatch{512};
    KvType kv_type = KvType::f16;
    /// Layers with a sliding window keep the cells of all tokens.
    bool swa_full = false;
    Policy policy = Policy::balanced;
    /// `adapters` of it are those of `adapters`, when they have been read.
    ContextOptions computing = {};
    /// LoRA adapters that are applied to all that is computed.
    std::vector<AdapterWish> adapters = {};
    /// Each other set of adapters gets a further context, of the same kind and with a cache of its
    /// own (LoadedModel::in_context()); one that is there already gets none.
    std::vector<std::vector<AdapterWish>> more_adapters = {};
    /// A further context has room for a merge of so many of these sets (merged_adapters()), of the
    /// largest; 0: there is none.
    std::uint32_t merging = 0;
    /// How many of these sets get a context at once: the largest. Others take their place when they
    /// are asked for (AdapterContexts).
    ResidentAdapters resident = {};
    /// Of these sets; PlannedModel::set() says what became of each.
    IfAdapterFails if_adapter_fails = IfAdapterFails::fail;
    /// What sessions that make room in the cache may take of host memory and files.
    ParkingWish parking = {};
    bool embeddings_will_do = false;  ///< where the model has no logits
    Reader reader = Reader::hexcore;
    /// The program `hexcore`, which tries the file out in a process of its own before this one
    /// hands it to libllama; a file that libllama does not expect may stop the process. Empty: the
    /// file is trusted.
    std::filesystem::path examiner = {};
};

/// A model file, devices, and the plan that says what goes where. Takes no device memory.
class PlannedModel {
public:
    /// Plans with exact numbers, by dry runs. Fails with usage, bad_input (the file),
    /// missing_device or does_not_fit (with what is missing, and changes that would make it fit),
    /// and with interrupted once `stop` (null: never) is set.
    [[nodiscard]] static Result<PlannedModel> make(const PlanningOptions& options,
                                                   const std::atomic<bool>* stop = nullptr);
    /// Takes a plan that was made before, with its devices, context and policy in place of those of
    /// the options. Fails with bad_input, too, where it is for another model. Errors about the plan
    /// begin with `plan_name`, its file's.
    [[nodiscard]] static Result<PlannedModel> follow(Plan plan, std::string_view plan_name,
                                                     PlanningOptions options,
                                                     const std::atomic<bool>* stop = nullptr);
    PlannedModel(PlannedModel&& other) noexcept;
    PlannedModel& operator=(PlannedModel&& other) noexcept;
    ~PlannedModel();

    [[nodiscard]] const Plan& plan() const;
    [[nodiscard]] const Inventory& inventory() const;
    [[nodiscard]] Machine& machine() const;
    /// What its contexts are made for.
    [[nodiscard]] const ContextOptions& computing() const;
    /// PlanningOptions::more_adapters number `i` as it was read, or why it was left out.
    [[nodiscard]] const Result<std::vector<ChosenAdapter>>& set(std::size_t i) const;
    [[nodiscard]] std::size_t n_sets() const;

    /// See LoadedModel::load(), with `computing()` as context. This object must outlive the model.
    /// Another one that is loaded and not in use is unloaded first, which `tell` is told, and why
    /// there is no expert cache where one was asked for. Fails with ErrorCode::usage, too, naming
    /// what is in use.
    [[nodiscard]] Result<LoadedModel> load(LoadOptions options = {}) const;

private:
    struct State;
    explicit PlannedModel(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A plan without a file: for a built-in shape (shape_names()) in a type or mix
/// (QuantMix::names()). Its numbers are estimates. Fails with usage, missing_device or
/// does_not_fit.
[[nodiscard]] Result<Plan> plan_shape(const std::string& shape, const std::string& quant,
                                      const PlanningOptions& options);

}  // namespace hexcore
