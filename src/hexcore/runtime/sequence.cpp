#include "hexcore/runtime/sequence.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>

#include "hexcore/report/text_style.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

static_assert(SamplingOptions{}.seed == LLAMA_DEFAULT_SEED);

llama_sampler_ptr make_sampler(const SamplingOptions& options) {
    llama_sampler_ptr chain(llama_sampler_chain_init(llama_sampler_chain_default_params()));
    if (options.temperature <= 0) {
        llama_sampler_chain_add(chain.get(), llama_sampler_init_greedy());
        return chain;
    }
    if (options.top_k > 0) {
        llama_sampler_chain_add(chain.get(), llama_sampler_init_top_k(options.top_k));
    }
    if (options.top_p < 1) {
        llama_sampler_chain_add(chain.get(), llama_sampler_init_top_p(options.top_p, 1));
    }
    if (options.min_p > 0) {
        llama_sampler_chain_add(chain.get(), llama_sampler_init_min_p(options.min_p, 1));
    }
    llama_sampler_chain_add(chain.get(), llama_sampler_init_temp(options.temperature));
    llama_sampler_chain_add(chain.get(), llama_sampler_init_dist(options.seed));
    return chain;
}

}  // namespace

void Sequence::FreeSampler::operator()(llama_sampler* sampler) const {
    llama_sampler_free(sampler);
}

Sequence::Sequence(Decoder& decoder, std::uint32_t id, const SamplingOptions& sampling,
                   const std::atomic<bool>* stop)
    : decoder_(decoder), id_(id), sampler_(make_sampler(sampling).release()), stop_(stop) {
    HEXCORE_CHECK(id < llama_n_seq_max(&model().context()), id, "is no sequence of the context");
}

Sequence::~Sequence() {
    if (llama_memory_t memory = llama_get_memory(&model().context())) {
        (void)llama_memory_seq_rm(memory, static_cast<llama_seq_id>(id_), -1, -1);
    }
}

Result<std::vector<Token>> Sequence::tokenize(std::string_view text) const {
    // libllama aborts the program where it is asked for what these models have not.
    if (llama_vocab_type(&model().vocab()) == LLAMA_VOCAB_TYPE_NONE) {
        return fail(ErrorCode::bad_input, "the model has no tokenizer, so it takes no text");
    }
    if (llama_model_has_encoder(&model().model()) ||
        llama_get_memory(&model().context()) == nullptr) {
        return fail(ErrorCode::bad_input, "the model is not one that continues a text");
    }
    constexpr std::size_t longest = std::numeric_limits<std::int32_t>::max() - 2;
    if (text.size() > longest) {
        return fail(ErrorCode::usage, "the prompt has {} bytes; the tokenizer takes at most {}",
                    text.size(), longest);
    }
    const auto length = static_cast<std::int32_t>(text.size());
    std::vector<Token> tokens(text.size() + 2);
    std::int32_t count = 0;
    try {
        count = llama_tokenize(&model().vocab(), text.data(), length, tokens.data(),
                               static_cast<std::int32_t>(tokens.size()), position_ == 0, true);
    } catch (const std::exception& error) {
        return fail(ErrorCode::usage,
                    "the model's tokenizer cannot take this prompt: {}; is it text in UTF-8?",
                    error.what());
    }
    if (count < 0) {
        return fail(ErrorCode::bad_input, "the model's tokenizer cannot take this prompt");
    }
    tokens.resize(static_cast<std::size_t>(count));
    // Prompts and chat templates that were written for other programs begin with its text.
    const Token bos = llama_vocab_bos(&model().vocab());
    if (position_ == 0 && llama_vocab_get_add_bos(&model().vocab()) && tokens.size() > 1 &&
        tokens[0] == bos && tokens[1] == bos) {
        tokens.erase(tokens.begin());
    }
    return tokens;
}

std::string Sequence::piece(Token token) const {
    std::string text(256, '\0');
    const auto write = [&] {
        return llama_token_to_piece(&model().vocab(), token, text.data(),
                                    static_cast<std::int32_t>(text.size()), 0, false);
    };
    std::int32_t size = write();
    if (size < 0) {  // less the size that it takes
        text.resize(static_cast<std::size_t>(-size));
        size = write();
    }
    text.resize(static_cast<std::size_t>(std::max(size, 0)));
    return text;
}

bool Sequence::is_recurrent() const {
    return llama_model_is_recurrent(&model().model()) || llama_model_is_hybrid(&model().model());
}

Result<bool> Sequence::decode(std::span<const Token> tokens, const std::atomic<bool>* stop) {
    HEXCORE_TRY(progress, decoder_.decode(id_, position_, tokens, stop));
    position_ += progress.computed;
    return !progress.stopped;
}

Result<void> Sequence::check_logits() const {
    const float* logits = llama_get_logits_ith(&model().context(), -1);
    const std::int32_t n_vocab = llama_vocab_n_tokens(&model().vocab());
    const auto n_nan = std::count_if(logits, logits + (logits == nullptr ? 0 : n_vocab),
                                     [](float value) { return std::isnan(value); });
    if (n_nan == 0) {
        return {};
    }
    return fail(ErrorCode::negative, {{Change::check_values}},
                "after {} the model gives NaN for {} of its {} words, so there is no next one to "
                "choose: a weight or a parameter of the file is damaged, or the model needs other "
                "types than it was quantised to",
                plural(position_, "token"), n_nan, n_vocab);
}

Result<void> Sequence::go_back_to(std::uint32_t position) {
    llama_memory_t memory = llama_get_memory(&model().context());
    // Ubatches of the prompt may be in the cache beyond what decode() counted.
    const auto end = static_cast<llama_pos>(position);
    const auto id = static_cast<llama_seq_id>(id_);
    // Of a sliding window the cells before may have been used again for those behind.
    const llama_pos window = llama_model_n_swa(&model().model());
    const bool lost_window =
        window > 0 && end > 0 && llama_memory_seq_pos_min(memory, id) > std::max(0, end - window);
    if (lost_window || !llama_memory_seq_rm(memory, id, end, -1)) {
        return fail(ErrorCode::interrupted,
                    "interrupted; this kind of model cannot forget the part of the prompt that it "
                    "has taken in, so the conversation ends here");
    }
    position_ = position;
    return {};
}

Result<Answer> Sequence::answer(std::string_view prompt, std::uint32_t max_tokens,
                                const std::function<void(std::string_view)>& on_text) {
    HEXCORE_TRY(tokens, tokenize(prompt));
    if (pending_) {
        tokens.insert(tokens.begin(), *pending_);
    }
    if (tokens.empty()) {
        return fail(ErrorCode::usage, {{Change::give_prompt}}, "the prompt is empty");
    }
    const std::uint32_t room = llama_n_ctx_seq(&model().context()) - position_;
    if (tokens.size() > room) {
        const std::uint64_t enough =
            (position_ + tokens.size() + 1) * llama_n_seq_max(&model().context());
        return fail(ErrorCode::usage, {{.change = Change::raise_context, .count = enough}},
                    "the prompt has {} and the context has room for {}",
                    plural(tokens.size(), "token"), room);
    }
    Answer answer;
    const std::uint32_t before = position_;
    const auto start = Clock::now();
    const auto decoded = decode(tokens, stop_);
    if (!decoded) {
        (void)go_back_to(before);  // what was taken in of a prompt that failed was never said
        return tl::unexpected(decoded.error());
    }
    answer.prompt_seconds = seconds_since(start);
    if (!*decoded) {
        HEXCORE_TRY_VOID(go_back_to(before));
        answer.stop = StopReason::interrupted;
        return answer;
    }
    pending_.reset();
    answer.prompt_tokens = static_cast<std::uint32_t>(tokens.size());
    answer.computed_tokens = answer.prompt_tokens;
    HEXCORE_TRY_VOID(generate(answer, max_tokens, on_text));
    return answer;
}

Result<void> Sequence::generate(Answer& answer, std::uint32_t max_tokens,
                                const std::function<void(std::string_view)>& on_text) {
    answer.stop = StopReason::length;
    while (max_tokens == 0 || answer.generated_tokens < max_tokens) {
        HEXCORE_TRY_VOID(check_logits());
        const Token token = llama_sampler_sample(sampler_.get(), &model().context(), -1);
        if (llama_vocab_is_eog(&model().vocab(), token)) {
            answer.stop = StopReason::eos;
            return {};
        }
        ++answer.generated_tokens;
        const std::string text = piece(token);
        answer.text += text;
        on_text(text);
        pending_ = token;
        if (position_ >= llama_n_ctx_seq(&model().context())) {
            answer.stop = StopReason::context_full;
            return {};
        }
        if (stopped()) {
            answer.stop = StopReason::interrupted;
            return {};
        }
        if (answer.generated_tokens == max_tokens) {
            return {};
        }
        const auto start = Clock::now();
        // Recurrent state cannot give up a token that was taken in by half.
        HEXCORE_TRY(finished, decode({&token, 1}, is_recurrent() ? nullptr : stop_));
        answer.decode_seconds += seconds_since(start);
        if (!finished) {
            answer.stop = StopReason::interrupted;
            return {};
        }
        ++answer.computed_tokens;
        pending_.reset();
    }
    return {};
}

}  // namespace hexcore
