#include "hexcore/assistant/asked_question.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hexcore/api/put_chat.hpp"
#include "hexcore/assistant/answering_experts.hpp"
#include "hexcore/assistant/experts_answer.hpp"
#include "hexcore/assistant/experts_engines.hpp"
#include "hexcore/assistant/join_experts.hpp"
#include "hexcore/assistant/prompt_tokens.hpp"
#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/base/duration.hpp"
#include "hexcore/model/merged_adapter.hpp"

namespace hexcore {
class AskedQuestion::Course : public std::enable_shared_from_this<Course> {
public:
    Course(AssistantHost& host, AssistantQuestion question)
        : host_(host), question_(std::move(question)) {}

    void start() { check(begin()); }
    void cancel() {
        if (reading_ != nullptr) {
            reading_->cancel();
        }
        if (experts_) {
            experts_->cancel();
        }
    }
    void abandon() {
        has_ended_ = true;
        cancel();
        experts_.reset();
    }
    [[nodiscard]] bool has_ended() const { return has_ended_; }

private:
    using Now = ExpertBreaker::Time::clock;
    void check(Result<void> done) {
        if (!done) {
            end(tl::unexpected(std::move(done.error())));
        }
    }
    [[nodiscard]] Result<void> begin();
    [[nodiscard]] Result<void> read_question();
    void take_embedding(Result<std::vector<float>> embedding);
    [[nodiscard]] Result<void> pick();
    [[nodiscard]] bool merges() const {
        return how_ == Combination::merge && picked_.experts.size() > 1;
    }
    [[nodiscard]] Result<void> put(Engine& engine);
    [[nodiscard]] Result<ExpertPart> part_of(const PickedExpert& picked, const ExpertPrompt& parts,
                                             Engine& engine);
    [[nodiscard]] SessionFor session_with(std::vector<ChosenAdapter> adapters);
    [[nodiscard]] Result<std::vector<ChosenAdapter>> merged();
    void take(std::string_view shown);
    void take_end(Result<ExpertsEnd> ended);
    void blame(std::size_t expert, const Error& error);
    void judge(Degeneration wrong);
    void end(Result<AssistantAnswer> answer);

    AssistantHost& host_;
    AssistantQuestion question_;
    Laps laps_;
    std::vector<float> embedding_;  ///< empty: the router takes none
    Combination how_ = Combination::choose;
    QuestionRouting routing_;
    PickedExperts picked_;
    AssistantAnswer answer_;
    Session* reading_ = nullptr;  ///< that reads the question now
    std::optional<ExpertsAnswer> experts_;
    std::size_t winner_ = 0;  ///< of those who were picked, whose answer it is
    bool lacked_session_ = false;
    bool has_ended_ = false;
};

Result<void> AskedQuestion::Course::begin() {
    const AssistantDescription& description = host_.assistant.description();
    answer_.assistant = description.name;
    std::string_view text = question_.text;
    const auto named = description.take_named_expert(text);
    routing_.named = question_.expert ? question_.expert : named;
    answer_.named_by = question_.expert ? "choice" : named ? "question" : "";
    question_.text = std::string(text);
    const auto& router = host_.assistant.router();
    return router && router->embedding_size() > 0 ? read_question() : pick();
}

/// The base model's state behind the question.
Result<void> AskedQuestion::Course::read_question() {
    HEXCORE_TRY(engine, host_.engine_for({}));
    if (!host_.reading) {
        host_.reading.emplace(host_.chat_template, host_.assistant.description(), engine->model());
    }
    HEXCORE_TRY(request, host_.reading->request(question_.text));
    reading_ = host_.session_for(*engine, request);
    if (reading_ == nullptr) {
        return fail(ErrorCode::negative, "all sessions are answering others");
    }
    // What is under way may outlive who asked for it.
    embed_question(*reading_, std::move(request),
                   [course = shared_from_this()](Result<std::vector<float>> embedding) {
                       course->take_embedding(std::move(embedding));
                   });
    return {};
}

void AskedQuestion::Course::take_embedding(Result<std::vector<float>> embedding) {
    reading_ = nullptr;
    if (has_ended_) {
        return;
    }
    if (embedding) {
        embedding_ = std::move(*embedding);
        check(pick());
    } else if (embedding.error().code == ErrorCode::interrupted) {
        answer_.stop = StopReason::interrupted;
        answer_.timing.route_ms = laps_.ms();
        end(std::move(answer_));
    } else {
        end(tl::unexpected(std::move(embedding.error())));
    }
}

Result<void> AskedQuestion::Course::pick() {
    Assistant& assistant = host_.assistant;
    const auto named = routing_.named;
    routing_ = assistant.route(question_.text, embedding_);
    routing_.named = named;
    how_ = question_.combine.value_or(assistant.description().combining.method);
    // Without the base model's state experts that would be attended to are blended (join_experts).
    const Combination needs =
        how_ == Combination::attend && embedding_.empty() ? Combination::blend : how_;
    HEXCORE_TRY(
        picked,
        assistant.pick(
            routing_,
            {.wanted = question_.experts,
             .have_room = [&](auto experts) { return can_answer_together(host_, needs, experts); }},
            Now::now()));
    picked_ = std::move(picked);
    answer_.notes = picked_.notes;
    if (picked_.experts.front().expert != routing_.named) {
        answer_.named_by.clear();  // it is out, and another answers
    }
    answer_.combine = to_string(how_);
    if (!assistant.knowledge_problem().empty()) {
        answer_.notes.push_back(assistant.knowledge_problem());
    }
    answer_.timing.route_ms = laps_.ms();
    if (question_.strict && picked_.fallback) {
        answer_.refused = true;
        judge(Degeneration::none);
        return {};
    }
    HEXCORE_TRY(engine, host_.engine_for({}));
    return put(*engine);
}

Result<void> AskedQuestion::Course::put(Engine& engine) {
    Assistant& assistant = host_.assistant;
    const Tokenizer& tokenizer = engine.tokenizer();
    const CountTokens count = tokens_by(tokenizer);
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
    ExpertsQuestion asked{.how = how_};
    std::vector<std::vector<ChosenAdapter>> sets;
    for (const PickedExpert& picked : picked_.experts) {
        HEXCORE_TRY(part, part_of(picked, parts, engine));
        asked.parts.push_back(std::move(part));
        sets.push_back(host_.adapters[picked.expert]);
        if (merges()) {
            break;  // who leads speaks for all
        }
    }
    if (merges()) {
        HEXCORE_TRY(adapters, merged());
        asked.parts.front().session_for = session_with(adapters);
        sets.front() = std::move(adapters);
    } else if (asked.parts.size() > 1) {
        HEXCORE_TRY_VOID(join_experts(asked, {.assistant = assistant,
                                              .chat_template = host_.chat_template,
                                              .picked = picked_.experts,
                                              .embedding = embedding_,
                                              .reading = host_.reading ? &*host_.reading : nullptr,
                                              .prompt = parts,
                                              .model = engine.model()}));
        const std::size_t gate = assistant.description().combining.gate.size();
        if (asked.how == Combination::attend && gate != 0 && gate != embedding_.size()) {
            answer_.notes.push_back(fmt::format(
                "The assistant's gate is for states of {} dimensions, and those of this model have "
                "{}: attention goes without it.",
                gate, embedding_.size()));
        }
        if (asked.base) {
            asked.base->session_for = session_with({});
        }
        if (asked.how != how_) {
            how_ = asked.how;
            answer_.combine = to_string(how_);
            answer_.notes.emplace_back(
                "There is no router that reads questions with this model, which attention goes by: "
                "the answer is a blend.");
        }
    }
    asked.when_there = engines_for(host_, asked.how, std::move(sets));
    asked.on_piece = [this](std::string_view shown) { take(shown); };
    asked.on_end = [course = shared_from_this()](Result<ExpertsEnd> ended) {
        course->take_end(std::move(ended));
    };
    answer_.timing.look_up_ms = laps_.ms();
    experts_.emplace(std::move(asked));
    if (has_ended_) {
        experts_.reset();
    }
    return {};
}

Result<ExpertPart> AskedQuestion::Course::part_of(const PickedExpert& picked,
                                                  const ExpertPrompt& parts, Engine& engine) {
    const Assistant& assistant = host_.assistant;
    ExpertPart part{.session_for = session_with(host_.adapters[picked.expert]),
                    .weight = picked.weight};
    part.request.max_tokens = question_.max_tokens;
    part.request.stops = question_.stops;
    part.request.sampling = question_.sampling;
    assistant.description().experts[picked.expert].sampling.apply(part.request.sampling);
    question_.over_expert.apply(part.request.sampling);
    HEXCORE_TRY(prompt, put_texts(part.request, host_.chat_template,
                                  {.messages = assistant.messages_for(picked.expert, parts)},
                                  engine.model()));
    part.prompt = std::move(prompt);
    return part;
}

/// What to apply so that all who were picked have their say in one pass.
Result<std::vector<ChosenAdapter>> AskedQuestion::Course::merged() {
    std::vector<std::vector<ChosenAdapter>> sets;
    std::vector<double> weights;
    for (const PickedExpert& picked : picked_.experts) {
        sets.push_back(host_.adapters[picked.expert]);
        weights.push_back(picked.weight);
    }
    if (std::ranges::all_of(sets, [](const auto& set) { return set.empty(); })) {
        answer_.notes.push_back(fmt::format(
            "None of these experts has an adapter, so there is nothing to merge: {} answers.",
            host_.assistant.expert_name(picked_.experts.front().expert)));
    }
    return merged_adapters(sets, weights);
}

SessionFor AskedQuestion::Course::session_with(std::vector<ChosenAdapter> adapters) {
    return [this, adapters = std::move(adapters)](const Request& request) -> Result<Session*> {
        HEXCORE_TRY(engine, host_.engine_for(adapters));
        Session* session = host_.session_for(*engine, request);
        if (session == nullptr) {
            lacked_session_ = true;
            return fail(ErrorCode::negative, "all sessions are answering others");
        }
        return session;
    };
}

void AskedQuestion::Course::take(std::string_view shown) {
    if (!has_ended_ && !question_.strict && question_.on_piece) {
        question_.on_piece(shown);
    }
}

void AskedQuestion::Course::take_end(Result<ExpertsEnd> ended) {
    if (has_ended_) {
        return;
    }
    Assistant& assistant = host_.assistant;
    if (!ended) {
        if (picked_.experts.size() == 1) {
            blame(picked_.experts.front().expert, ended.error());
        }
        end(tl::unexpected(std::move(ended.error())));
        return;
    }
    for (const FailedPart& failed : ended->failed) {
        const std::size_t expert = picked_.experts[failed.part].expert;
        blame(expert, failed.error);
        answer_.notes.push_back(fmt::format("{} gave no answer: {}", assistant.expert_name(expert),
                                            failed.error.message));
    }
    answer_.timing.prompt_ms = ended->prompt_ms;
    answer_.timing.generate_ms = ended->generate_ms;
    answer_.timing.score_ms = ended->score_ms;
    (void)laps_.ms();
    answer_.text = std::move(ended->text);
    answer_.stop = ended->answer.stop;
    answer_.prompt_tokens = ended->answer.prompt_tokens;
    answer_.reused_tokens = ended->answer.reused_tokens;
    answer_.generated_tokens = ended->answer.generated_tokens;
    answer_.cache = std::move(ended->answer.cache);
    answer_.repeats = ended->wrong == Degeneration::repeats;
    if (answer_.repeats) {
        answer_.stop = StopReason::length;  // nobody interrupted it
    }
    winner_ = ended->winner;
    answer_.experts = answering_experts(assistant, picked_.experts, how_, *ended);
    judge(ended->wrong);
}

/// Whose answer failed, unless the cause is with who asked or with others.
void AskedQuestion::Course::blame(std::size_t expert, const Error& error) {
    const bool is_its_own =
        error.code == ErrorCode::does_not_fit || error.code == ErrorCode::negative;
    if (is_its_own && !lacked_session_) {
        host_.assistant.failed(expert, Now::now());
    }
}

/// Looks at what came of it.
void AskedQuestion::Course::judge(Degeneration wrong) {
    Assistant& assistant = host_.assistant;
    if (wrong != Degeneration::none) {
        const std::size_t expert = picked_.experts[winner_].expert;
        assistant.failed(expert, Now::now());
        picked_.fallback = assistant.next_best(
            routing_, picked_.experts, Now::now(),
            fmt::format("the answer of {} {}", assistant.expert_name(expert), to_string(wrong)));
    }
    if (question_.strict && (picked_.fallback || wrong != Degeneration::none)) {
        answer_.refused = true;
        answer_.text.clear();
        answer_.experts.clear();
    }
    if (question_.strict && !answer_.text.empty() && question_.on_piece) {
        question_.on_piece(answer_.text);
    }
    if (picked_.fallback) {
        answer_.fallback = {assistant.expert_name(picked_.fallback->expert),
                            picked_.fallback->confidence, picked_.fallback->reason};
    }
    for (AnswerSource& source : answer_.sources) {
        source.cited = cites(answer_.text, source.id);
    }
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

void AskedQuestion::start() {
    const auto course = course_;  // whoever is told of the end may give this up
    course->start();
}
void AskedQuestion::cancel() {
    const auto course = course_;
    course->cancel();
}
bool AskedQuestion::has_ended() const { return course_->has_ended(); }

}  // namespace hexcore
