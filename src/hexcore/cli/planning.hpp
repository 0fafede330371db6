#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/runtime/load_parameters.hpp"

namespace hexcore {

/// The options that plan, run and verify share.
struct PlanningOptions {
    std::string model;
    std::vector<std::string> devices;
    std::string reserve;
    std::vector<DeviceSpec> settled;  ///< of a plan, in place of devices and reserve
    std::uint32_t context_tokens =
        0;  ///< 0: default_context_tokens, or less where trained for less
    std::uint32_t sequences = 1;
    std::uint32_t ubatch = 512;
    std::string kv_type = "f16";
    std::string policy = "balanced";
    std::string fit;
    bool verify_data = false;  ///< of run and verify, which load what is planned

    static constexpr std::uint32_t default_context_tokens = 4096;

    /// Adds them to a command; `model` is its positional argument.
    void add_to(CLI::App& command, bool model_required);
    /// Adds those of a command that loads what it planned.
    void add_loading_to(CLI::App& command);
};

/// A model file, the devices to place it on, and what is asked of the planner.
struct PlanningInput {
    Inventory inventory;
    std::unique_ptr<Machine> machine;
    PlanRequest request;
};

/// Reads the file and settles the devices. Takes no device memory.
[[nodiscard]] Result<PlanningInput> planning_input(const PlanningOptions& options);
/// The request alone, for a shape without a file.
[[nodiscard]] Result<PlanRequest> shape_request(const PlanningOptions& options,
                                                const std::string& shape, const std::string& quant);
/// Plans with exact numbers by dry runs; the longest context where `--fit ctx` was given. Fails
/// with ErrorCode::interrupted once `stop` (null: never) is set.
[[nodiscard]] Result<Plan> plan_exactly(PlanningInput& input, const PlanningOptions& options,
                                        ContextOptions context,
                                        const std::atomic<bool>* stop = nullptr);

}  // namespace hexcore
