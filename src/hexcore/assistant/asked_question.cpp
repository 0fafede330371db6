#include "hexcore/assistant/asked_question.hpp"

#include <fmt/format.h>

#include <utility>

#include "hexcore/api/put_chat.hpp"
#include "hexcore/assistant/answer_watch.hpp"
#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/base/duration.hpp"

namespace hexcore {
namespace {

/// What a message has besides its text: of two, the template's own words by half.
std::uint64_t tokens_around(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
    const auto prompt = chat_template.apply({.messages = {{.role = "user", .content = "a"},
                                                          {.role = "assistant", .content = "a"},
                                                          {.role = "user", .content = "a"}}});
    const auto tokens = prompt ? tokenizer.tokenize(prompt->text, TextPlace::within)
                               : Result<std::vector<Token>>(std::vector<Token>(24));
    return tokens ? (tokens->size() + 2) / 3 : 8;
}

}  // namespace

class AskedQuestion::Course : public std::enable_shared_from_this<Course> {
public:
    Course(AssistantHost& host, AssistantQuestion question)
        : host_(host), question_(std::move(question)) {}

    void start() {
        if (auto started = begin(); !started) {
            end(tl::unexpected(std::move(started.error())));
        }
    }
    void cancel() {
        if (reader_) {
            reader_->cancel();
        }
        if (session_ != nullptr) {
            session_->cancel();
        }
    }
    void abandon() {
        has_ended_ = true;
        cancel();
    }
    [[nodiscard]] bool has_ended() const { return has_ended_; }

private:
    using Now = ExpertBreaker::Time::clock;
    [[nodiscard]] Result<void> begin();
    void take_embedding(Result<std::vector<float>> embedding);
    [[nodiscard]] Result<void> go_on(std::vector<float> embedding);
    [[nodiscard]] Result<void> put(Engine& engine);
    [[nodiscard]] Result<void> ask(Engine& engine, Request request, ChatPrompt prompt);
    void take(const AnswerPiece& piece);
    void take_end(Result<Answer> answer);
    void judge();
    void end(Result<AssistantAnswer> answer);

    AssistantHost& host_;
    AssistantQuestion question_;
    Laps laps_;
    QuestionRouting routing_;
    PickedExperts picked_;
    AssistantAnswer answer_;
    std::optional<Session> reader_;  ///< reads the question for the router
    Session* session_ = nullptr;     ///< that answers now
    std::optional<AnswerWatch> watch_;
    bool has_token_ = false;
    bool repeats_ = false;
    bool has_ended_ = false;
};

Result<void> AskedQuestion::Course::begin() {
    Assistant& assistant = host_.assistant;
    const AssistantDescription& description = assistant.description();
    answer_.assistant = description.name;
    std::string_view text = question_.text;
    const auto named = description.take_named_expert(text);
    routing_.named = question_.expert ? question_.expert : named;
    answer_.named_by = question_.expert ? "choice" : named ? "question" : "";
    question_.text = std::string(text);
    if (!assistant.knowledge_problem().empty()) {
        answer_.notes.push_back(assistant.knowledge_problem());
    }
    if (!assistant.router() || assistant.router()->embedding_size() == 0) {
        return go_on({});
    }
    HEXCORE_TRY(base, host_.engine_for({}));
    HEXCORE_TRY(reader, base->open());
    reader_.emplace(std::move(reader));
    embed_question(*reader_, {host_.chat_template, description}, question_.text,
                   [course = shared_from_this()](Result<std::vector<float>> embedding) {
                       course->take_embedding(std::move(embedding));
                   });
    return {};
}

void AskedQuestion::Course::take_embedding(Result<std::vector<float>> embedding) {
    reader_.reset();
    if (has_ended_) {
        return;
    }
    if (!embedding && embedding.error().code == ErrorCode::interrupted) {
        answer_.stop = StopReason::interrupted;
        answer_.timing.route_ms = laps_.ms();
        end(std::move(answer_));
        return;
    }
    auto went =
        embedding ? go_on(*std::move(embedding)) : tl::unexpected(std::move(embedding.error()));
    if (!went) {
        end(tl::unexpected(std::move(went.error())));
    }
}

/// With what is known of whose the question is.
Result<void> AskedQuestion::Course::go_on(std::vector<float> embedding) {
    Assistant& assistant = host_.assistant;
    routing_.probabilities = assistant.route(question_.text, std::move(embedding)).probabilities;
    HEXCORE_TRY(picked,
                assistant.pick(routing_, {.wanted = question_.experts, .most = host_.experts_most},
                               Now::now()));
    picked_ = std::move(picked);
    answer_.notes.insert(answer_.notes.end(), picked_.notes.begin(), picked_.notes.end());
    answer_.timing.route_ms = laps_.ms();
    if (question_.strict && picked_.fallback) {
        answer_.refused = true;
        judge();
        return {};
    }
    HEXCORE_TRY(engine, host_.engine_for(host_.adapters[picked_.experts.front().expert]));
    return put(*engine);
}

Result<void> AskedQuestion::Course::put(Engine& engine) {
    Assistant& assistant = host_.assistant;
    const Tokenizer& tokenizer = engine.tokenizer();
    const CountTokens count = [&tokenizer](std::string_view text) {
        const auto tokens = tokenizer.tokenize(text, TextPlace::within, SpecialNames::text);
        return tokens ? tokens->size() : about_tokens(text);
    };
    auto knowledge = assistant.look_up(question_.text, count);
    if (!knowledge) {
        answer_.notes.push_back(knowledge.error().message);
    }
    ExpertPrompt parts{.question = question_.text, .instructions = question_.instructions};
    parts.knowledge = std::move(knowledge).value_or(std::vector<FoundPassage>());
    for (const FoundPassage& found : parts.knowledge) {
        answer_.sources.push_back({.id = found.passage.id, .title = found.passage.title});
    }
    const auto newest =
        assistant.newest(question_.history, tokens_around(host_.chat_template, tokenizer), count);
    parts.history.assign(newest.begin(), newest.end());
    const std::size_t expert = picked_.experts.front().expert;
    Request request;
    request.max_tokens = question_.max_tokens;
    request.stops = question_.stops;
    request.sampling = question_.sampling;
    assistant.description().experts[expert].sampling.apply(request.sampling);
    question_.over_expert.apply(request.sampling);
    HEXCORE_TRY(prompt,
                put_texts(request, host_.chat_template,
                          {.messages = assistant.messages_for(expert, parts)}, engine.model()));
    return ask(engine, std::move(request), std::move(prompt));
}

Result<void> AskedQuestion::Course::ask(Engine& engine, Request request, ChatPrompt prompt) {
    session_ = host_.session_for(engine, request);
    if (session_ == nullptr) {
        return fail(ErrorCode::negative, "all sessions are answering others");
    }
    watch_.emplace(std::move(prompt));
    // What is under way may outlive who asked for it.
    request.on_piece = [course = shared_from_this()](const AnswerPiece& piece) {
        course->take(piece);
    };
    request.on_end = [course = shared_from_this()](Result<Answer> answer) {
        course->take_end(std::move(answer));
    };
    answer_.timing.look_up_ms = laps_.ms();
    session_->ask(std::move(request));
    return {};
}

void AskedQuestion::Course::take(const AnswerPiece& piece) {
    if (has_ended_) {
        return;
    }
    if (!std::exchange(has_token_, true)) {
        answer_.timing.prompt_ms = laps_.ms();
    }
    const std::string shown = watch_->add(piece);
    if (!shown.empty() && !question_.strict && question_.on_piece) {
        question_.on_piece(shown);
    }
    if (watch_->has_come_to_repeat()) {
        repeats_ = true;
        session_->cancel();
    }
}

void AskedQuestion::Course::take_end(Result<Answer> answer) {
    if (has_ended_) {
        return;
    }
    session_ = nullptr;
    (has_token_ ? answer_.timing.generate_ms : answer_.timing.prompt_ms) = laps_.ms();
    if (!answer) {
        if (answer.error().code != ErrorCode::usage) {
            host_.assistant.failed(picked_.experts.front().expert, Now::now());
        }
        end(tl::unexpected(std::move(answer.error())));
        return;
    }
    const std::string rest = watch_->finish();
    if (!rest.empty() && !question_.strict && question_.on_piece) {
        question_.on_piece(rest);
    }
    answer_.text = watch_->text();
    answer_.stop = answer->stop;
    answer_.prompt_tokens = answer->prompt_tokens;
    answer_.reused_tokens = answer->reused_tokens;
    answer_.generated_tokens = answer->generated_tokens;
    answer_.cache = std::move(answer->cache);
    judge();
}

/// Looks at what came of it.
void AskedQuestion::Course::judge() {
    Assistant& assistant = host_.assistant;
    const std::size_t expert = picked_.experts.front().expert;
    const bool is_cut = answer_.stop == StopReason::interrupted && !repeats_;
    const Degeneration wrong = watch_ && !is_cut
                                   ? (repeats_ ? Degeneration::repeats : watch_->degeneration())
                                   : Degeneration::none;
    if (wrong != Degeneration::none) {
        assistant.failed(expert, Now::now());
        picked_.fallback = assistant.next_best(
            routing_, picked_.experts, Now::now(),
            fmt::format("the answer of {} {}", assistant.expert_name(expert), to_string(wrong)));
    }
    if (question_.strict && (picked_.fallback || wrong != Degeneration::none)) {
        answer_.refused = true;
        answer_.text.clear();
    }
    if (question_.strict && !answer_.text.empty() && question_.on_piece) {
        question_.on_piece(answer_.text);
    }
    answer_.repeats = repeats_;
    for (const PickedExpert& one : picked_.experts) {
        answer_.experts.push_back({.name = assistant.expert_name(one.expert),
                                   .confidence = one.confidence,
                                   .weight = one.weight});
    }
    if (picked_.fallback) {
        answer_.fallback = {assistant.expert_name(picked_.fallback->expert),
                            picked_.fallback->confidence, picked_.fallback->reason};
    }
    for (AnswerSource& source : answer_.sources) {
        source.cited = cites(answer_.text, source.id);
    }
    answer_.timing.score_ms = laps_.ms();
    end(std::move(answer_));
}

void AskedQuestion::Course::end(Result<AssistantAnswer> answer) {
    if (!std::exchange(has_ended_, true) && question_.on_end) {
        question_.on_end(std::move(answer));
    }
}

AskedQuestion::AskedQuestion(AssistantHost& host, AssistantQuestion question)
    : course_(std::make_shared<Course>(host, std::move(question))) {}
AskedQuestion::AskedQuestion(AskedQuestion&&) noexcept = default;
AskedQuestion::~AskedQuestion() {
    if (course_) {
        course_->abandon();
    }
}

void AskedQuestion::start() { course_->start(); }
void AskedQuestion::cancel() { course_->cancel(); }
bool AskedQuestion::has_ended() const { return course_->has_ended(); }

}  // namespace hexcore
