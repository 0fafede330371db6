#pragma once

#include <functional>
#include <vector>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// How likely a model finds a text.
struct TextScore {
    double mean_log_probability = 0;  ///< natural, of a token
    std::uint32_t tokens = 0;         ///< that were scored
};

/// A text to be scored behind a prompt.
struct ScoredText {
    std::vector<Token> tokens;  ///< at least one; only the last may be one that ends answers
    Request prompt = {};        ///< of which only the prompt counts
};

/// Has a session, which is idle, compute how likely each token of a text is behind the prompt and
/// the tokens before it: mean over i of log p(t_i | prompt, t_1 ... t_i-1). It takes the engine's
/// turns as an answer of so many tokens does, so that several texts are scored in one batch; the
/// session then has the prompt, and of the text all but the last token. `on_end` is called once,
/// maybe before this returns. Fails as Request::on_end says, with ErrorCode::usage for a text that
/// cannot be scored, with does_not_fit where the session is full before its end, and with
/// interrupted where it is cancelled.
void score_text(Session& session, ScoredText text, std::function<void(Result<TextScore>)> on_end);

}  // namespace hexcore
