#include "hexcore/report/assistant_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "hexcore/report/run_summary.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

std::string line(std::string_view what, std::string_view text, std::size_t columns) {
    return hanging_paragraph(fmt::format("{:<10}", what), text, columns);
}

/// Who is named alone was not compared with others by the model.
bool is_compared(const AssistantAnswer& answer) {
    return answer.experts.size() > 1 || answer.named_by.empty();
}

/// Who answered, and why these.
std::string who(const AssistantAnswer& answer) {
    std::vector<std::string> names;
    for (const AnsweringExpert& expert : answer.experts) {
        names.push_back(is_compared(answer) ? fmt::format("{} ({} likely)", printable(expert.name),
                                                          percent_text(expert.confidence))
                                            : printable(expert.name));
    }
    std::string all = fmt::format("{}", fmt::join(names, ", "));
    if (answer.named_by.empty()) {
        return all;
    }
    return fmt::format("{}, {} {}", all, names.size() > 1 ? "the first of whom" : "whom",
                       answer.named_by == "question" ? "the question names" : "you named");
}

/// How several gave one answer, and what each had of it.
std::string combined(const AssistantAnswer& answer) {
    std::vector<std::string> each;
    std::string chosen;
    for (const AnsweringExpert& expert : answer.experts) {
        if (expert.score) {
            each.push_back(fmt::format("{} {:.3f}", printable(expert.name), *expert.score));
            chosen = expert.chosen ? printable(expert.name) : chosen;
        } else {
            each.push_back(
                fmt::format("{} {}", printable(expert.name), percent_text(expert.weight)));
        }
    }
    return chosen.empty() ? fmt::format("by {}: {}", answer.combine, fmt::join(each, ", "))
                          : fmt::format("by {}: the answer of {}; scores {}", answer.combine,
                                        chosen, fmt::join(each, ", "));
}

/// Who may do better, or answered in another's place, and why.
std::string fallback(const AssistantAnswer& answer) {
    const SuggestedFallback& other = *answer.fallback;
    const bool has_answered =
        !answer.refused && std::ranges::find(answer.experts, other.expert,
                                             &AnsweringExpert::name) != answer.experts.end();
    if (has_answered) {
        // The reason begins with who was meant.
        return fmt::format("{} answered in place of {}", printable(other.expert),
                           printable(other.reason));
    }
    const std::string likely =
        is_compared(answer) ? fmt::format(" ({} likely)", percent_text(other.confidence)) : "";
    return fmt::format("{}{}: {}", printable(other.expert), likely, printable(other.reason));
}

std::string sources(const AssistantAnswer& answer) {
    std::vector<std::string> each;
    for (const AnswerSource& source : answer.sources) {
        const bool is_titled = !source.title.empty() && source.title != source.id;
        each.push_back(fmt::format("[{}]{}{}{}", printable(source.id), is_titled ? " " : "",
                                   is_titled ? printable(source.title) : "",
                                   source.cited ? " (cited)" : ""));
    }
    return fmt::format("{}", fmt::join(each, "; "));
}

std::string cache(const AssistantAnswer& answer) {
    const CacheStats& stats = answer.cache;
    return fmt::format(
        "{} of {} cells ({} of {}); of {} {} there already", stats.cells_used, stats.cells_total,
        to_string(stats.used()), to_string(stats.total()),
        plural(answer.prompt_tokens, "prompt token"),
        answer.reused_tokens == 1 ? "1 was" : fmt::format("{} were", answer.reused_tokens));
}

std::string times(const AnswerTiming& timing) {
    struct Part {
        const char* what;
        double ms;
    };
    std::string text;
    for (const Part& part : {Part{"loading", timing.load_ms}, Part{"learning", timing.learn_ms},
                             Part{"routing", timing.route_ms}, Part{"look-up", timing.look_up_ms},
                             Part{"prompt", timing.prompt_ms}, Part{"answer", timing.generate_ms},
                             Part{"choice", timing.score_ms}}) {
        constexpr double least_shown_ms = 5;
        if (part.ms >= least_shown_ms) {
            text +=
                fmt::format("{}{} {:.2f} s", text.empty() ? "" : ", ", part.what, part.ms / 1e3);
        }
    }
    return fmt::format("{:.2f} s{}{}", timing.total_ms() / 1e3, text.empty() ? "" : ": ", text);
}

}  // namespace

std::string percent_text(double share) { return fmt::format("{:.0f} %", share * 100); }

std::string answer_summary(const AssistantAnswer& answer, std::size_t columns) {
    std::string text;
    if (answer.refused) {
        text += line("refused",
                     answer.fallback
                         ? "no answer: another expert is suggested, and the question is strict"
                         : "no answer: what came was none to show, and the question is strict",
                     columns);
    } else if (answer.experts.size() > 1) {
        text += line("experts", who(answer), columns) + line("combined", combined(answer), columns);
    } else if (!answer.experts.empty()) {
        text += line("expert", who(answer), columns);
    }
    if (answer.fallback) {
        text += line("fallback", fallback(answer), columns);
    }
    if (answer.repeats) {
        text += line("cut", "it had come to say the same over and over", columns);
    } else if (answer.stop == StopReason::length) {
        text += line("cut", "it has as many tokens as were allowed", columns);
    } else if (answer.stop == StopReason::context_full) {
        text += line("cut", "the context is full", columns);
    }
    if (!answer.sources.empty()) {
        text += line("sources", sources(answer), columns);
    }
    for (const std::string& note : answer.notes) {
        if (answer.fallback && note == answer.fallback->reason) {
            continue;  // it stands above
        }
        text += line("note", printable(note), columns);
    }
    return text;
}

std::string memory_summary(const AssistantReport& report, std::size_t columns) {
    if (report.run.devices.empty()) {
        return "";  // nothing was loaded
    }
    const bool has_cache = report.answer.cache.cells_total > 0;
    return (has_cache ? line("cache", cache(report.answer), columns) : "") +
           line("memory", run_summary(report.run), columns);
}

std::string assistant_summary(const AssistantReport& report, std::size_t columns) {
    return answer_summary(report.answer, columns) + memory_summary(report, columns) +
           line("time", times(report.answer.timing), columns);
}

}  // namespace hexcore
