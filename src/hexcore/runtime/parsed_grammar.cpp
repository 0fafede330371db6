#include "hexcore/runtime/parsed_grammar.hpp"

#include <exception>

#include "llama.h"

namespace hexcore {
namespace {

llama_sampler* make_sampler(const llama_vocab& vocab, const Grammar& grammar) {
    constexpr const char* root = "root";
    if (!grammar.lazy) {
        return llama_sampler_init_grammar(&vocab, grammar.rules.c_str(), root);
    }
    std::vector<const char*> patterns;
    for (const std::string& pattern : grammar.trigger_patterns) {
        patterns.push_back(pattern.c_str());
    }
    return llama_sampler_init_grammar_lazy_patterns(
        &vocab, grammar.rules.c_str(), root, patterns.data(), patterns.size(),
        grammar.trigger_tokens.data(), grammar.trigger_tokens.size());
}

}  // namespace

Result<ParsedGrammar> ParsedGrammar::make(const LoadedModel& model, const Grammar& grammar) {
    ParsedGrammar parsed;
    if (grammar.rules.empty()) {
        return parsed;
    }
    if (llama_vocab_type(&model.vocab()) == LLAMA_VOCAB_TYPE_NONE) {
        return fail(ErrorCode::usage, "a grammar needs a model with a tokenizer");
    }
    try {
        const std::shared_ptr<llama_sampler> sampler(make_sampler(model.vocab(), grammar),
                                                     llama_sampler_free);
        if (sampler) {
            for (const Token token : grammar.start) {
                llama_sampler_accept(sampler.get(), token);
            }
        }
        parsed.sampler_ = sampler;
    } catch (const std::exception& error) {
        return fail(ErrorCode::usage, "the grammar cannot be used: {}", error.what());
    }
    if (!parsed.sampler_) {
        return fail(ErrorCode::usage,
                    "the grammar cannot be used: it is not GBNF with a rule named root");
    }
    return parsed;
}

}  // namespace hexcore
