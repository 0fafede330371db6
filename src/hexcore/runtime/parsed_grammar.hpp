#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/decoder.hpp"

struct llama_sampler;

namespace hexcore {

/// What an answer has to follow, in llama.cpp's GBNF; the rule `root` begins it.
struct Grammar {
    std::string rules;  ///< empty: none
    /// It holds only from where one of the triggers was generated: a pattern (its first group), or
    /// a token.
    bool lazy = false;
    std::vector<std::string> trigger_patterns = {};
    std::vector<Token> trigger_tokens = {};
    /// What of it is there already, behind the prompt's end.
    std::vector<Token> start = {};
};

/// A Grammar that was read, and put to a model's vocabulary: what takes time, and may fail, is
/// done. It never changes, is cheap to copy, and may be used by several threads at once.
class ParsedGrammar {
public:
    /// None: anything may be answered.
    ParsedGrammar() = default;
    /// Takes up to seconds for large ones. Fails with ErrorCode::usage where it is none, or the
    /// model has no tokenizer. The model must outlive it.
    [[nodiscard]] static Result<ParsedGrammar> make(const LoadedModel& model,
                                                    const Grammar& grammar);

private:
    friend class Sampler;
    std::shared_ptr<const llama_sampler> sampler_;  ///< null: none
};

}  // namespace hexcore
