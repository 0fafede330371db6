#include "hexcore/runtime/verify.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "hexcore/backend/unread_mapping.hpp"
#include "hexcore/runtime/read_ahead.hpp"

namespace hexcore {
namespace {

bool is_stopped(void* stop) { return static_cast<const std::atomic<bool>*>(stop)->load(); }

Result<std::vector<float>> all_logits(llama_context& context, const llama_vocab& vocab,
                                      const VerifyOptions& options) {
    const auto n_vocab = static_cast<std::size_t>(llama_vocab_n_tokens(&vocab));
    const std::size_t limit = options.batch == 0
                                  ? llama_n_ubatch(&context)
                                  : std::min<std::size_t>(options.batch, llama_n_batch(&context));
    std::vector<float> logits;
    logits.reserve(options.tokens.size() * n_vocab);
    for (std::size_t done = 0; done < options.tokens.size(); done += limit) {
        const std::size_t count = std::min(limit, options.tokens.size() - done);
        std::vector<llama_token> tokens(
            options.tokens.begin() + static_cast<std::ptrdiff_t>(done),
            options.tokens.begin() + static_cast<std::ptrdiff_t>(done + count));
        std::vector<std::int8_t> wanted(count, 1);
        llama_batch batch = llama_batch_get_one(tokens.data(), static_cast<std::int32_t>(count));
        batch.logits = wanted.data();
        if (const std::int32_t status = llama_decode(&context, batch); status != 0) {
            if (status == 2) {
                return fail(ErrorCode::interrupted, "interrupted while computing logits");
            }
            return fail(ErrorCode::does_not_fit,
                        "llama_decode gave {} for tokens {} to {}; raise --ctx", status, done,
                        done + count);
        }
        for (std::size_t i = 0; i < count; ++i) {
            const float* row = llama_get_logits_ith(&context, static_cast<std::int32_t>(i));
            logits.insert(logits.end(), row, row + n_vocab);
        }
    }
    return logits;
}

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
    return {.outputs = std::max(ubatch, options.batch), .threads = options.threads};
}

Result<std::vector<float>> planned_logits(ModelSession& session, const VerifyOptions& options) {
    return all_logits(session.context(), session.vocab(), options);
}

Result<std::vector<float>> plain_logits(Machine& machine, const Inventory& inventory,
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
    llama_context_params context_params =
        context_parameters(plan.context, context_options(plan.context.ubatch.value(), options));
    if (options.stop != nullptr) {
        context_params.abort_callback = is_stopped;
        context_params.abort_callback_data = const_cast<std::atomic<bool>*>(options.stop);
    }
    const llama_context_ptr context(llama_init_from_model(model.get(), context_params));
    if (!context) {
        return fail(ErrorCode::does_not_fit, "plain libllama cannot make the context: {}",
                    log.take_errors());
    }
    return all_logits(*context, *llama_model_get_vocab(model.get()), options);
}

VerifyReport compare_logits(const std::vector<float>& planned, const std::vector<float>& plain,
                            std::size_t tokens, double tolerance) {
    HEXCORE_CHECK(planned.size() == plain.size(), planned.size(), plain.size());
    VerifyReport report;
    report.tokens = TokenCount(static_cast<std::uint32_t>(tokens));
    report.tolerance = tolerance;
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
