#include "hexcore/assistant/join_experts.hpp"

#include <utility>

#include "hexcore/api/put_chat.hpp"

namespace hexcore {
namespace {

/// The conversation without any expert's prompt.
Result<BasePart> base_of(const JoinedQuestion& question) {
    auto messages =
        question.assistant.messages_for(question.picked.front().expert, question.prompt);
    if (messages.front().role == "system") {
        messages.erase(messages.begin());
    }
    BasePart base;
    HEXCORE_TRY(prompt, put_texts(base.request, question.chat_template,
                                  {.messages = std::move(messages)}, question.model));
    return base;
}

Result<std::vector<double>> blend_weights(const JoinedQuestion& question) {
    ExpertVectors centres;
    for (const PickedExpert& picked : question.picked) {
        centres.emplace_back(question.assistant.router()->centre(picked.expert));
    }
    return distance_weights(question.embedding, centres,
                            question.assistant.description().combining.blend_temperature);
}

Result<void> attend(ExpertsQuestion& asked, const JoinedQuestion& question) {
    const AssistantDescription& description = question.assistant.description();
    AttendedCentres centres{.options = {.temperature = description.combining.attend_temperature}};
    for (std::size_t expert = 0; expert < description.experts.size(); ++expert) {
        centres.all.push_back(question.assistant.router()->centre(expert));
    }
    for (const PickedExpert& picked : question.picked) {
        centres.taking_part.push_back(picked.expert);
    }
    if (description.combining.gate.size() == question.embedding.size()) {
        centres.options.gate = description.combining.gate;
    }
    HEXCORE_TRY(request, question.reading->request(question.prompt.question));
    asked.base = BasePart{.request = std::move(request)};
    asked.centres = std::move(centres);
    return {};
}

}  // namespace

Result<void> join_experts(ExpertsQuestion& asked, const JoinedQuestion& question) {
    if (asked.how == Combination::choose) {
        HEXCORE_TRY(base, base_of(question));
        asked.base = std::move(base);
        return {};
    }
    if (question.embedding.empty()) {
        asked.how = Combination::blend;
        return {};
    }
    if (asked.how == Combination::attend) {
        return attend(asked, question);
    }
    HEXCORE_TRY(weights, blend_weights(question));
    for (std::size_t i = 0; i < weights.size(); ++i) {
        asked.parts[i].weight = weights[i];
    }
    return {};
}

}  // namespace hexcore
