#include "hexcore/assistant/question_embedding.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "hexcore/api/put_chat.hpp"
#include "hexcore/assistant/kept_embeddings.hpp"
#include "hexcore/assistant/keyword_features.hpp"
#include "hexcore/model/sampled_content.hpp"

namespace hexcore {
namespace {

constexpr std::string_view question_place = "{question}";
// Of a longer question, half of it at either end.
constexpr std::size_t embedded_bytes_most = 2048;

/// Where the character begins that this byte of a UTF-8 text belongs to.
std::size_t character_at(std::string_view text, std::size_t at) {
    while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) {
        --at;
    }
    return at;
}

std::string embedded_part(std::string_view question) {
    if (question.size() <= embedded_bytes_most) {
        return std::string(question);
    }
    constexpr std::size_t half = embedded_bytes_most / 2;
    return std::string(question.substr(0, character_at(question, half))) + " ... " +
           std::string(question.substr(character_at(question, question.size() - half)));
}

std::string turn_of(const RouterDescription& router, std::string_view question) {
    std::string text = router.instruction;
    return text.replace(text.find(question_place), question_place.size(), embedded_part(question));
}

/// What becomes of one embedding.
struct EmbeddingCourse {
    Session* session;
    std::function<void(Result<std::vector<float>>)> on_end;
    std::optional<std::vector<float>> state = {};
};

Error stopped_learning() {
    return {ErrorCode::interrupted,
            "interrupted while the router learnt from its examples; those that were read are kept"};
}

/// Who reads examples, and who is told.
struct ExampleReading {
    Engine& base;
    const ChatTemplate& chat_template;
    const std::function<void(RouterProgress)>& tell;
    const std::atomic<bool>* stop;
};

/// Has the model read those examples that are not kept yet.
Result<void> read_examples(const AssistantDescription& assistant, const ExampleReading& how,
                           KeptEmbeddings& kept) {
    constexpr std::size_t written_each = 64;
    const std::vector<LabelledQuestion> questions = assistant.labelled_questions();
    QuestionReading reading(how.chat_template, assistant, how.base.model());
    HEXCORE_TRY(session, how.base.open());
    for (std::size_t done = 0; done < questions.size(); ++done) {
        const std::string& text = questions[done].text;
        if (kept.find(text) != nullptr) {
            continue;
        }
        if (how.tell) {
            how.tell({done, questions.size()});
        }
        HEXCORE_TRY(embedding, embedding_of(session, reading, text, how.stop));
        kept.add(text, std::move(embedding));
        if (kept.added() % written_each == 0) {
            (void)kept.write();
        }
    }
    if (how.tell) {
        how.tell({questions.size(), questions.size()});
    }
    return {};
}

}  // namespace

Result<Request> QuestionReading::whole_prompt(std::string_view question) const {
    const RouterDescription& router = assistant_.router;
    ChatRequest chat{.thinking = false};
    if (!router.system.empty()) {
        chat.messages.push_back({.role = "system", .content = router.system});
    }
    for (const ShownQuestion& shown : router.shown) {
        chat.messages.push_back({.role = "user", .content = turn_of(router, shown.question)});
        chat.messages.push_back({.role = "assistant", .content = shown.kind});
    }
    chat.messages.push_back({.role = "user", .content = turn_of(router, question)});
    Request request;
    HEXCORE_TRY_VOID(put_texts(request, chat_template_, chat, model_));
    return request;
}

Result<void> QuestionReading::find_beginning() {
    HEXCORE_TRY(one, whole_prompt("One"));
    HEXCORE_TRY(other, whole_prompt("Other"));
    one.tokens.resize(common_start(one.tokens, other.tokens));
    beginning_ = std::move(one.tokens);
    return {};
}

Result<Request> QuestionReading::request(std::string_view question) {
    if (!beginning_) {
        HEXCORE_TRY_VOID(find_beginning());
    }
    HEXCORE_TRY(request, whole_prompt(question));
    // A question may melt with the last of these tokens.
    request.shared_tokens = common_start(*beginning_, request.tokens);
    return request;
}

void embed_question(Session& session, Request request,
                    std::function<void(Result<std::vector<float>>)> on_end) {
    request.max_tokens = 1;
    request.wants_state = true;
    const auto course =
        std::make_shared<EmbeddingCourse>(EmbeddingCourse{&session, std::move(on_end)});
    request.on_next = [course](const NextToken& next) {
        course->state.emplace(next.state.begin(), next.state.end());
        course->session->finish(StopReason::length);  // which tells on_end
    };
    request.on_end = [course](Result<Answer> answer) {
        if (!answer) {
            course->on_end(tl::unexpected(std::move(answer.error())));
        } else if (!course->state) {
            course->on_end(fail(ErrorCode::interrupted, "interrupted while reading a question"));
        } else {
            course->on_end(*std::move(course->state));
        }
    };
    session.ask(std::move(request));
}

Result<std::vector<float>> embedding_of(Session& session, QuestionReading& reading,
                                        std::string_view question, const std::atomic<bool>* stop) {
    HEXCORE_TRY(request, reading.request(question));
    std::optional<Result<std::vector<float>>> embedding;
    embed_question(session, std::move(request),
                   [&](Result<std::vector<float>> made) { embedding.emplace(std::move(made)); });
    while (!embedding) {
        session.engine().turn(stop);
    }
    return *std::move(embedding);
}

Result<Router> trained_router(const AssistantDescription& assistant, Engine& base,
                              const ChatTemplate& chat_template,
                              const std::function<void(RouterProgress)>& tell,
                              const std::atomic<bool>* stop) {
    HEXCORE_TRY(identity, sampled_content(base.model().inventory()));
    for (const std::string& adapter : base.model().adapter_keys()) {
        identity += " " + adapter;
    }
    const std::string key = router_key(assistant, identity);
    const std::filesystem::path file = router_file(key);
    const KeywordFeatures keywords(assistant);
    const std::size_t width = base.model().inventory().n_embd;
    if (auto router = Router::read(file, key); router &&
                                               router->experts() == assistant.experts.size() &&
                                               router->takes(width, keywords.size())) {
        return *std::move(router);
    }
    KeptEmbeddings kept(reading_key(assistant, identity), width);
    const auto read = read_examples(assistant, {base, chat_template, tell, stop}, kept);
    if (kept.added() > 0) {
        (void)kept.write();  // else they are read again one day
    }
    if (!read) {
        return tl::unexpected(read.error().code == ErrorCode::interrupted ? stopped_learning()
                                                                          : read.error());
    }
    std::vector<RouterInput> inputs;
    std::vector<std::size_t> experts;
    for (const LabelledQuestion& question : assistant.labelled_questions()) {
        inputs.push_back({*kept.find(question.text), keywords.of(question.text)});
        experts.push_back(question.expert);
    }
    auto router = Router::fit_until(inputs, experts, assistant.experts.size(), stop);
    if (!router) {
        return tl::unexpected(stopped_learning());
    }
    if (!file.empty()) {
        (void)router->write(file, key);  // else the next one that starts trains it, too
    }
    return router;
}

}  // namespace hexcore
