#include "hexcore/serve/served_assistant.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/report/assistant_report.hpp"

namespace hexcore {
namespace {

using BreakerClock = ExpertBreaker::Time::clock;

/// Its figures as those of an answer of the model.
Answer counted(const AssistantAnswer& given) {
    constexpr double ms_per_second = 1000;
    Answer answer;
    answer.stop = given.stop;
    answer.prompt_tokens = given.prompt_tokens;
    answer.reused_tokens = given.reused_tokens;
    answer.generated_tokens = given.generated_tokens;
    answer.prompt_seconds =
        (given.timing.route_ms + given.timing.look_up_ms + given.timing.prompt_ms) / ms_per_second;
    answer.decode_seconds = given.timing.generate_ms / ms_per_second;
    answer.cache = given.cache;
    return answer;
}

/// Why a strict question has no answer.
ApiError not_sure(const AssistantAnswer& given) {
    const std::string why = given.fallback ? given.fallback->reason : "no expert is sure enough";
    const std::string who =
        given.fallback ? fmt::format("; {} is suggested, {:.0f} % likely", given.fallback->expert,
                                     given.fallback->confidence * 100)
                       : "";
    return {
        .status = 422,
        .message = fmt::format("there is no answer, since the question is strict: {}{}", why, who),
        .param = "strict",
        .code = "not_sure"};
}

}  // namespace

ServedAssistant::ServedAssistant(OfferedAssistant offered, AssistantEngines& engines,
                                 const ChatTemplate& chat_template, Metrics& metrics)
    : assistant_(std::move(offered.assistant)),
      host_(engines.host(assistant_, chat_template, std::move(offered.adapters))),
      metrics_(metrics),
      seen_(assistant_.breaker()) {}

std::vector<Metrics::Expert> ServedAssistant::experts() {
    const auto now = BreakerClock::now();
    const std::lock_guard lock(mutex_);
    std::vector<Metrics::Expert> experts;
    for (std::size_t i = 0; i < description().experts.size(); ++i) {
        experts.push_back({.name = description().experts[i].name,
                           .failures = seen_.failures(i, now),
                           .is_out = seen_.out_for(i, now).has_value()});
    }
    return experts;
}

void ServedAssistant::look_at_breaker() {
    const std::lock_guard lock(mutex_);
    seen_ = assistant_.breaker();
}

Exchange::End ServedAssistant::end_of(Result<AssistantAnswer> answer) {
    look_at_breaker();
    if (!answer) {
        return {.choice = 0, .answer = tl::unexpected(std::move(answer.error()))};
    }
    Exchange::End end{.choice = 0, .answer = counted(*answer)};
    if (end.answer->stop == StopReason::interrupted) {
        metrics_.count_answer(*end.answer);
        return end;
    }
    Metrics::Question question;
    for (const AnsweringExpert& expert : answer->experts) {
        question.experts.push_back(expert.name);
    }
    if (answer->fallback) {
        question.suggested = answer->fallback->expert;
    }
    if (answer->refused) {
        question.experts.clear();
        end.refused = not_sure(*answer);
        end.refused->facts = assistant_answer_json(*answer).dump(
            -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    } else {
        metrics_.count_answer(*end.answer);
    }
    metrics_.count_question(question);
    end.facts = assistant_answer_json(*answer);
    return end;
}

void ServedAssistant::ask(const std::shared_ptr<Exchange>& exchange, AssistantQuestion question,
                          std::function<void()> on_end) {
    asked_.remove_if([](const Asked& asked) { return asked.question.has_ended(); });
    question.on_piece = [exchange](std::string_view text) {
        exchange->put(Exchange::Piece{0, std::string(text), {}});
    };
    question.on_end = [this, exchange, on_end = std::move(on_end)](Result<AssistantAnswer> answer) {
        Exchange::End end = end_of(std::move(answer));
        on_end();
        exchange->put(std::move(end));
    };
    // Kept before it starts: it may end at once, and is not to go then.
    asked_.push_back({exchange, AskedQuestion(host_, std::move(question))});
    asked_.back().question.start();
}

void ServedAssistant::cancel(const Exchange& exchange) {
    for (Asked& asked : asked_) {
        if (asked.exchange.get() == &exchange && !asked.question.has_ended()) {
            asked.question.cancel();
        }
    }
}

}  // namespace hexcore
