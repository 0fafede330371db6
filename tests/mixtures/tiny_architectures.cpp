#include "mixtures/tiny_architectures.hpp"

// What llama.cpp's own test of all architectures includes, so that its names can be taken into a
// namespace of our own.
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <regex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "common.h"
#include "llama-arch.h"
#include "llama-cpp.h"
#include "llama-model-saver.h"
#include "llama-model.h"
#include "log.h"

// clang-format off
namespace { namespace llama_test {
#include <test-llama-archs.cpp>
}}  // namespace llama_test
// clang-format on

namespace hexcore::test {
namespace {

constexpr std::uint32_t n_experts = 8;
constexpr std::uint32_t n_used = 2;
constexpr std::uint32_t n_ff = 128;

std::string architecture_key(llm_arch architecture, std::string_view name) {
    return fmt::format("{}.{}", llm_arch_name(architecture), name);
}

/// What llama.cpp's test leaves out, because it does not run these architectures.
void complete(llm_arch architecture, llama_model_saver& keys) {
    switch (architecture) {
        case LLM_ARCH_GEMMA4:
            keys.add_kv(LLM_KV_ATTENTION_SLIDING_WINDOW_PATTERN,
                        std::vector<std::uint32_t>{1, 1, 1, 1, 0});
            break;
        case LLM_ARCH_NOMIC_BERT_MOE:
            keys.add_kv(LLM_KV_MOE_EVERY_N_LAYERS, 2U);
            keys.add_kv(LLM_KV_TOKENIZER_TOKEN_TYPE_COUNT, 2U);
            keys.add_kv(LLM_KV_ATTENTION_CAUSAL, false);
            break;
        default:
            break;
    }
}

/// The metadata of llama.cpp's test, with more experts than it has and smaller ones.
gguf_context_ptr metadata_of(llm_arch architecture, const TinyVariant& variant) {
    gguf_context_ptr metadata = llama_test::get_gguf_ctx(architecture, true);
    llama_model_saver keys(architecture, metadata.get());
    keys.add_kv(LLM_KV_EXPERT_COUNT, n_experts);
    keys.add_kv(LLM_KV_EXPERT_USED_COUNT, n_used);
    keys.add_kv(LLM_KV_EXPERT_FEED_FORWARD_LENGTH, n_ff);
    keys.add_kv(LLM_KV_EXPERT_CHUNK_FEED_FORWARD_LENGTH, n_ff);
    complete(architecture, keys);
    if (variant.next_tokens) {
        const std::string count = architecture_key(architecture, "block_count");
        const std::int64_t at = gguf_find_key(metadata.get(), count.c_str());
        keys.add_kv(LLM_KV_BLOCK_COUNT, gguf_get_val_u32(metadata.get(), at) + 1);
        keys.add_kv(LLM_KV_NEXTN_PREDICT_LAYERS, 1U);
    }
    if (variant.grouped) {
        keys.add_kv(LLM_KV_EXPERT_GROUP_COUNT, 2U);
        keys.add_kv(LLM_KV_EXPERT_GROUP_USED_COUNT, 1U);
    }
    return metadata;
}

using TensorMap = std::vector<std::pair<std::string, ggml_tensor*>>;

Result<void> write_file(const std::filesystem::path& path, const gguf_context& metadata,
                        const TensorMap& tensors,
                        const std::function<bool(const std::string&)>& keep) {
    const gguf_context_ptr file(gguf_init_empty());
    gguf_set_kv(file.get(), &metadata);
    for (const auto& [name, tensor] : tensors) {
        if (keep(name) && gguf_find_tensor(file.get(), name.c_str()) < 0) {
            gguf_add_tensor(file.get(), tensor);
        }
    }
    if (!gguf_write_to_file(file.get(), path.c_str(), false)) {
        return fail(ErrorCode::bad_input, "{} cannot be written", path.string());
    }
    return {};
}

bool loads(const std::filesystem::path& path) {
    llama_model_params parameters = llama_model_default_params();
    parameters.no_alloc = true;
    parameters.load_mode = LLAMA_LOAD_MODE_NONE;
    return llama_model_ptr(llama_model_load_from_file(path.c_str(), parameters)) != nullptr;
}

/// The first or second half of the rows of each expert, as a tensor of its own.
ggml_tensor* half_of(const ggml_tensor& fused, int half, const std::string& name) {
    // Lives until the process ends, as the test does soon.
    ggml_context* context = ggml_init(
        {.mem_size = ggml_nbytes(&fused) / 2 + 4096, .mem_buffer = nullptr, .no_alloc = false});
    ggml_tensor* tensor =
        ggml_new_tensor_3d(context, fused.type, fused.ne[0], fused.ne[1] / 2, fused.ne[2]);
    for (std::int64_t expert = 0; expert < fused.ne[2]; ++expert) {
        const std::size_t from = fused.nb[2] * static_cast<std::size_t>(expert) +
                                 tensor->nb[2] * static_cast<std::size_t>(half);
        std::memcpy(
            static_cast<char*>(tensor->data) + tensor->nb[2] * static_cast<std::size_t>(expert),
            static_cast<const char*>(fused.data) + from, tensor->nb[2]);
    }
    ggml_set_name(tensor, name.c_str());
    return tensor;
}

/// libllama makes gate and up projections as one tensor where an architecture knows both forms.
TensorMap with_split_projections(const TensorMap& tensors) {
    TensorMap result;
    for (const auto& [name, tensor] : tensors) {
        const std::size_t fused = name.find("ffn_gate_up_exps.weight");
        if (fused == std::string::npos) {
            result.emplace_back(name, tensor);
            continue;
        }
        for (const auto& [half, base] :
             {std::pair(0, "ffn_gate_exps.weight"), std::pair(1, "ffn_up_exps.weight")}) {
            const std::string part = name.substr(0, fused) + base;
            result.emplace_back(part, half_of(*tensor, half, part));
        }
    }
    return result;
}

}  // namespace

std::vector<std::string> all_architectures() {
    std::vector<std::string> names;
    for (const llm_arch architecture : llm_arch_all()) {
        if (architecture != LLM_ARCH_UNKNOWN) {
            names.emplace_back(llm_arch_name(architecture));
        }
    }
    return names;
}

Result<void> write_architecture(const std::string& architecture, const TinyVariant& variant,
                                const std::filesystem::path& path) {
    const gguf_context_ptr metadata = metadata_of(llm_arch_from_string(architecture), variant);
    llama_test::tensor_data_params values{.seed = 1, .stdev = 0.1F};
    llama_model_params parameters = llama_model_default_params();
    parameters.load_mtp = true;
    parameters.n_gpu_layers = 0;
    const llama_model_ptr model(llama_model_init_from_user(
        metadata.get(), llama_test::set_tensor_data, &values, parameters));
    if (!model) {
        return fail(ErrorCode::bad_input, "libllama makes no {}", architecture);
    }
    const TensorMap& tensors = llama_internal_get_tensor_map(model.get());
    if (variant.optional_tensors) {
        return write_file(path, *metadata, tensors, [](const auto&) { return true; });
    }
    // Which of them it can do without only libllama knows.
    const auto without_scales = [](const std::string& name) { return !name.ends_with("scale"); };
    const auto without_biases = [&](const std::string& name) {
        return without_scales(name) && !name.ends_with(".bias");
    };
    for (const std::function<bool(const std::string&)>& keep :
         {std::function<bool(const std::string&)>(without_biases),
          std::function<bool(const std::string&)>(without_scales)}) {
        HEXCORE_TRY_VOID(write_file(path, *metadata, with_split_projections(tensors), keep));
        if (loads(path)) {
            return {};
        }
    }
    return write_file(path, *metadata, tensors, [](const auto&) { return true; });
}

}  // namespace hexcore::test
