#pragma once

#include <string>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/runtime/context_options.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// A plan in the terms of libllama: devices, split and buffer types. Owns what the parameters point
/// to, so it must outlive the call that they are passed to.
class LoadParameters {
public:
    LoadParameters(Machine& machine, const Plan& plan);
    /// For libllama without Hexcore: the inner devices of a machine of wrapped devices, with whole
    /// layers where the plan has them; for any other machine the CPU.
    [[nodiscard]] static LoadParameters stock(Machine& machine, const Plan& plan);
    /// For libllama without Hexcore, on the CPU.
    [[nodiscard]] static LoadParameters on_cpu();
    LoadParameters(LoadParameters&&) = default;
    LoadParameters(const LoadParameters&) = delete;
    LoadParameters& operator=(const LoadParameters&) = delete;

    [[nodiscard]] const llama_model_params& model() const { return model_; }

private:
    LoadParameters() : model_(llama_model_default_params()) {}
    /// `entries`: of libllama's tensor split.
    void add_device(ggml_backend_dev_t device, std::uint32_t entries);
    void finish();

    std::vector<ggml_backend_dev_t> devices_;
    std::vector<float> split_;
    std::vector<std::string> patterns_;
    std::vector<llama_model_tensor_buft_override> overrides_;
    llama_model_params model_;
};

[[nodiscard]] llama_context_params context_parameters(const ContextShape& shape,
                                                      const ContextOptions& options);
/// A context of these parameters; null where libllama refuses, which says why in its log.
[[nodiscard]] llama_context_ptr new_context(llama_model& model, const ContextShape& shape,
                                            const ContextOptions& options);

}  // namespace hexcore
