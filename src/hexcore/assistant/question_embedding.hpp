#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/router.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

/// How a base model is brought to read questions: the router's chat with the question, of a long
/// one beginning and end, up to where the model is about to answer. For one thread at a time.
class QuestionReading {
public:
    /// What is given must outlive it.
    QuestionReading(const ChatTemplate& chat_template, const AssistantDescription& assistant,
                    const LoadedModel& model)
        : chat_template_(chat_template), assistant_(assistant), model_(model) {}

    /// What is asked of a session for a question's embedding. Fails as put_texts().
    [[nodiscard]] Result<Request> request(std::string_view question);

private:
    [[nodiscard]] Result<Request> whole_prompt(std::string_view question) const;
    [[nodiscard]] Result<void> find_beginning();

    const ChatTemplate& chat_template_;
    const AssistantDescription& assistant_;
    const LoadedModel& model_;
    std::optional<std::vector<Token>> beginning_;  ///< of all questions' prompts, once it is known
};

/// Asks an idle session of the base model for a question's embedding: the last hidden state,
/// [n_embd], behind the prompt of `request`, a QuestionReading's. `on_end` is called once, while
/// the engine takes its turns or, where it fails at once, from here; the session is idle again
/// then, and stays where it is until then. Fails as Request::on_end says, and with
/// ErrorCode::interrupted where it was cancelled. The model was loaded to give states.
void embed_question(Session& session, Request request,
                    std::function<void(Result<std::vector<float>>)> on_end);
/// The same, with all turns that it takes; once `stop` (null: never) is set, it is cancelled. Fails
/// as QuestionReading::request(), too.
[[nodiscard]] Result<std::vector<float>> embedding_of(Session& session, QuestionReading& reading,
                                                      std::string_view question,
                                                      const std::atomic<bool>* stop = nullptr);

/// How many of a router's examples the base model has read.
struct RouterProgress {
    std::size_t done = 0;
    std::size_t total = 0;
};

/// An assistant's router for that base model: as it is in the cache, or trained now and put there.
/// For that the model reads each example that it has not read for this assistant before; `tell`, if
/// there is one, learns how far that is, and at the end that all are read. Takes all turns, and a
/// session of its own. Fails as embedding_of(); what was read is kept then, and a cache that cannot
/// be written is done without. An assistant of one expert needs none.
[[nodiscard]] Result<Router> trained_router(const AssistantDescription& assistant, Engine& base,
                                            const ChatTemplate& chat_template,
                                            const std::function<void(RouterProgress)>& tell = {},
                                            const std::atomic<bool>* stop = nullptr);

}  // namespace hexcore
