#include "hexcore/assistant/assistant_description.hpp"

#include <algorithm>

#include "hexcore/assistant/question_words.hpp"

namespace hexcore {

void ExpertSampling::apply(SamplingOptions& options) const {
    options.temperature = temperature.value_or(options.temperature);
    options.top_p = top_p.value_or(options.top_p);
    options.min_p = min_p.value_or(options.min_p);
    options.repeat_penalty = repeat_penalty.value_or(options.repeat_penalty);
    options.top_k = top_k.value_or(options.top_k);
}

std::optional<std::size_t> AssistantDescription::find_expert(std::string_view expert_name) const {
    const auto found =
        std::find_if(experts.begin(), experts.end(), [&](const ExpertDescription& expert) {
            return folded(expert.name) == folded(expert_name);
        });
    return found == experts.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(found - experts.begin()));
}

std::string AssistantDescription::expert_names() const {
    std::string names;
    for (const ExpertDescription& expert : experts) {
        names += (names.empty() ? "" : ", ") + expert.name;
    }
    return names;
}

std::optional<std::size_t> AssistantDescription::take_named_expert(
    std::string_view& question) const {
    constexpr std::string_view space = " \t\r\n";
    const std::size_t colon = question.find(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view start = question.substr(0, colon);
    start.remove_prefix(std::min(start.find_first_not_of(space), start.size()));
    start = start.substr(0, start.find_last_not_of(space) + 1);
    const auto expert = find_expert(start);
    if (expert) {
        question.remove_prefix(colon + 1);
        question.remove_prefix(std::min(question.find_first_not_of(space), question.size()));
    }
    return expert;
}

std::vector<LabelledQuestion> AssistantDescription::labelled_questions() const {
    std::vector<LabelledQuestion> all;
    for (std::size_t expert = 0; expert < experts.size(); ++expert) {
        for (const std::string& example : experts[expert].examples) {
            all.push_back({expert, example});
        }
    }
    all.insert(all.end(), router.questions.begin(), router.questions.end());
    return all;
}

}  // namespace hexcore
