#include "hexcore/api/put_chat.hpp"

#include <utility>

namespace hexcore {

Result<void> put_chat(Request& request, const ChatPrompt& prompt, const LoadedModel& model) {
    const Tokenizer tokenizer(model);
    HEXCORE_TRY(tokens, tokenizer.tokenize(prompt.text, TextPlace::start));
    HEXCORE_TRY(opening, tokenizer.tokenize(prompt.answer_start, TextPlace::within));
    request.kind = PromptKind::whole;
    request.tokens = std::move(tokens);
    request.opening_tokens = static_cast<std::uint32_t>(opening.size());
    request.stops.insert(request.stops.end(), prompt.stops.begin(), prompt.stops.end());
    request.shown_tokens = prompt.shown_tokens;
    Grammar grammar = {.rules = prompt.grammar,
                       .lazy = prompt.grammar_lazy,
                       .trigger_patterns = prompt.triggers.patterns,
                       .trigger_tokens = prompt.triggers.tokens};
    if (prompt.grammar_has_answer_start) {
        grammar.start = std::move(opening);
    }
    HEXCORE_TRY(parsed, ParsedGrammar::make(model, grammar));
    request.grammar = std::move(parsed);
    return {};
}

}  // namespace hexcore
