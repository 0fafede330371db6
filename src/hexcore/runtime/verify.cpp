#include "hexcore/runtime/verify.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "hexcore/backend/memory/unread_mapping.hpp"
#include "hexcore/runtime/batch.hpp"
#include "hexcore/runtime/context_adapters.hpp"
#include "hexcore/runtime/read_ahead.hpp"
#include "hexcore/runtime/stopped_by.hpp"

namespace hexcore {
namespace {

/// Computes tokens one call after another and collects what comes of each.
class OutputCollector {
public:
    OutputCollector(llama_context& context, const VerifyOptions& options)
        : context_(context),
          options_(options),
          at_once_(llama_get_memory(&context) == nullptr ||
                   llama_model_has_encoder(llama_get_model(&context))) {
        const llama_model* model = llama_get_model(&context);
        width_ = static_cast<std::size_t>(options.outputs == Outputs::logits
                                              ? llama_vocab_n_tokens(llama_model_get_vocab(model))
                                              : llama_model_n_embd_out(model));
    }

    Result<std::vector<float>> collect() {
        const std::size_t most = at_once_ ? llama_n_ubatch(&context_) : llama_n_batch(&context_);
        const std::size_t each = options_.batch == 0 ? llama_n_ubatch(&context_)
                                                     : std::min<std::size_t>(options_.batch, most);
        Batch batch(each);
        const StoppedBy stopped_by(context_, options_.stop);
        outputs_.reserve(options_.tokens.size() * width_);
        for (std::size_t done = 0; done < options_.tokens.size(); done += each) {
            fill(batch, done, std::min(each, options_.tokens.size() - done));
            HEXCORE_TRY_VOID(compute(batch.get(), done));
        }
        return std::move(outputs_);
    }

private:
    void fill(Batch& batch, std::size_t from, std::size_t count) const {
        const std::size_t sequences = llama_n_seq_max(&context_);
        // Without one each call begins its texts anew.
        const bool has_memory = llama_get_memory(&context_) != nullptr;
        batch.clear();
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t at = has_memory ? from + i : i;
            batch.add(options_.tokens[from + i], at / sequences, at % sequences, Output::wanted);
        }
    }

    Result<void> compute(const llama_batch& batch, std::size_t done) {
        const auto count = static_cast<std::size_t>(batch.n_tokens);
        if (const std::int32_t status = llama_decode(&context_, batch); status != 0) {
            if (status == 2) {
                return fail(ErrorCode::interrupted, "interrupted while computing outputs");
            }
            if (status == 1) {
                return too_long();
            }
            return fail(ErrorCode::does_not_fit, {{Change::raise_context}},
                        "llama_decode gave {} for tokens {} to {}", status, done, done + count);
        }
        for (std::int32_t i = 0; i < batch.n_tokens; ++i) {
            const float* row = options_.outputs == Outputs::logits
                                   ? llama_get_logits_ith(&context_, i)
                                   : llama_get_embeddings_ith(&context_, i);
            if (row == nullptr) {
                return fail(ErrorCode::bad_input,
                            "the model gives neither logits nor embeddings, so there is nothing to "
                            "compare");
            }
            outputs_.insert(outputs_.end(), row, row + width_);
        }
        return {};
    }

    /// There is no place in the KV cache: more tokens than the context has for each sequence.
    [[nodiscard]] tl::unexpected<Error> too_long() const {
        const std::size_t n = options_.tokens.size();
        const std::size_t sequences = llama_n_seq_max(&context_);
        const std::size_t needed = (n + sequences - 1) / sequences * sequences;
        return fail(ErrorCode::usage,
                    {{.change = Change::raise_context, .count = needed},
                     {.change = Change::fewer_tokens, .count = llama_n_ctx(&context_)}},
                    "{} tokens are to be compared, and the context has {}", n,
                    llama_n_ctx(&context_));
    }

    llama_context& context_;
    const VerifyOptions& options_;
    bool at_once_;
    std::size_t width_ = 0;
    std::vector<float> outputs_;
};

}  // namespace

std::vector<llama_token> random_tokens(const llama_vocab& vocab, std::size_t count,
                                       std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_int_distribution<llama_token> token(0, llama_vocab_n_tokens(&vocab) - 1);
    std::vector<llama_token> tokens(count);
    std::generate(tokens.begin(), tokens.end(), [&] { return token(random); });
    return tokens;
}

ContextOptions context_options(std::uint32_t ubatch, const VerifyOptions& options) {
    return {.outputs = std::max(ubatch, options.batch),
            .threads = options.threads,
            .wanted = options.outputs,
            .adapters = options.adapters};
}

Result<std::vector<float>> planned_outputs(LoadedModel& model, const VerifyOptions& options) {
    return OutputCollector(model.context(), options).collect();
}

Result<std::vector<float>> plain_outputs(Machine& machine, const Inventory& inventory,
                                         const Plan& plan, const VerifyOptions& options) {
    LlamaLog log;
    // libllama itself would read the whole file in one call, without a sign and without an end.
    HEXCORE_TRY_VOID(read_ahead(inventory, [&options](ReadProgress progress) {
        if (options.progress) {
            options.progress(progress);
        }
        return options.stop == nullptr || !options.stop->load();
    }));
    const UnreadMapping unread;
    const LoadParameters parameters = LoadParameters::stock(machine, plan);
    const llama_model_ptr model(
        llama_model_load_from_file(inventory.files.front().c_str(), parameters.model()));
    if (!model) {
        return fail(ErrorCode::bad_input, "plain libllama cannot load {}: {}",
                    inventory.files.front().string(), log.take_errors());
    }
    const llama_context_params context_params =
        context_parameters(plan.context, context_options(plan.context.ubatch.value(), options));
    const llama_context_ptr context(llama_init_from_model(model.get(), context_params));
    if (!context) {
        return fail(ErrorCode::does_not_fit, "plain libllama cannot make the context: {}",
                    log.take_errors());
    }
    std::vector<llama_adapter_lora*> adapters;  // libllama frees them with the model
    std::vector<float> scales;
    for (const ChosenAdapter& chosen : options.adapters) {
        adapters.push_back(llama_adapter_lora_init(model.get(), chosen.file.path.c_str()));
        scales.push_back(chosen.scale);
        if (adapters.back() == nullptr) {
            return fail(ErrorCode::bad_input, "plain libllama cannot load {}: {}",
                        chosen.file.path.string(), log.take_errors());
        }
    }
    const AppliedAdapters applied(*context, adapters, scales);
    return OutputCollector(*context, options).collect();
}

VerifyReport compare_outputs(const std::vector<float>& planned, const std::vector<float>& plain,
                             const VerifyOptions& options) {
    HEXCORE_CHECK(planned.size() == plain.size(), planned.size(), plain.size());
    VerifyReport report;
    report.tokens = TokenCount(static_cast<std::uint32_t>(options.tokens.size()));
    report.compared = options.outputs == Outputs::logits ? "logits" : "embeddings";
    report.tolerance = options.tolerance;
    report.identical =
        std::memcmp(planned.data(), plain.data(), planned.size() * sizeof(float)) == 0;
    double scale = 0;
    for (const float value : plain) {
        scale = std::max(scale, std::abs(static_cast<double>(value)));
    }
    for (std::size_t i = 0; i < plain.size(); ++i) {
        const double difference =
            std::abs(static_cast<double>(planned[i]) - static_cast<double>(plain[i]));
        if (!std::isfinite(difference)) {
            report.max_relative_error = std::numeric_limits<double>::infinity();
            break;
        }
        if (difference > 0) {
            report.max_relative_error = std::max(report.max_relative_error, difference / scale);
        }
    }
    return report;
}

}  // namespace hexcore
