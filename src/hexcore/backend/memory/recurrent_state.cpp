#include "hexcore/backend/memory/recurrent_state.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "hexcore/backend/experts/expert_buffer.hpp"

namespace hexcore {
namespace {

// llama_memory_recurrent's convolutions, states and n-gram history, and the running states of
// DeepSeek V4's compressed attention (llama_dsv4_comp_state).
constexpr std::array<std::string_view, 6> prefixes = {"cache_r_l",       "cache_s_l",
                                                      "cache_ple_r_l",   "dsv4_csa_state_",
                                                      "dsv4_hca_state_", "dsv4_lid_state_"};

}  // namespace

void account_by_tensor(const ggml_tensor& tensor, DeviceMemory::Block& block) {
    if (ggml_backend_buffer_get_usage(tensor.buffer) != GGML_BACKEND_BUFFER_USAGE_ANY) {
        return;  // asked for every node of every graph
    }
    const std::string_view name = tensor.name;
    if (std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); })) {
        block.set_purpose(Purpose::recurrent);
    } else if (without_adapter_suffix(name) != name) {
        block.set_purpose(Purpose::adapters);
    }
}

}  // namespace hexcore
