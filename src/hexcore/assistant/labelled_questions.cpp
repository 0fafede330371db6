#include "hexcore/assistant/labelled_questions.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

constexpr std::size_t question_bytes_max = 4096;
constexpr std::size_t questions_max = 20'000;

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers with every standard library.
class SplitMix {
public:
    explicit SplitMix(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31U);
    }

private:
    std::uint64_t state_;
};

Result<LabelledQuestion> read_line(std::string_view line, const AssistantDescription& assistant) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos) {
        return fail(ErrorCode::bad_input, "has no tab between an expert's name and a question");
    }
    const auto expert = assistant.find_expert(line.substr(0, tab));
    if (!expert) {
        return fail(ErrorCode::bad_input, "{} has no expert {}", assistant.name,
                    shortened(line.substr(0, tab), 60));
    }
    const std::string_view question = line.substr(tab + 1);
    if (question.empty() || question.size() > question_bytes_max) {
        return fail(ErrorCode::bad_input, "the question has {} bytes; from 1 to {} are allowed",
                    question.size(), question_bytes_max);
    }
    if (printable(question) != question) {
        return fail(ErrorCode::bad_input,
                    "the question has control characters or bytes that are no UTF-8");
    }
    return LabelledQuestion{*expert, std::string(question)};
}

}  // namespace

Result<std::vector<LabelledQuestion>> parse_labelled_questions(
    const std::string& text, const std::string& name, const AssistantDescription& assistant) {
    std::vector<LabelledQuestion> questions;
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        line = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
        if (line.empty() || line.front() == '#') {
            continue;
        }
        auto read =
            questions.size() < questions_max
                ? read_line(line, assistant)
                : fail(ErrorCode::bad_input, "there are more than {} questions", questions_max);
        if (!read) {
            return fail(ErrorCode::bad_input, "{}, line {}: {}", printable(name), number,
                        read.error().message);
        }
        questions.push_back(*std::move(read));
    }
    return questions;
}

QuestionSplit split_questions(std::span<const LabelledQuestion> questions, std::uint64_t seed,
                              std::size_t test_percent) {
    std::size_t experts = 0;
    for (const LabelledQuestion& question : questions) {
        experts = std::max(experts, question.expert + 1);
    }
    SplitMix random(seed);
    QuestionSplit split;
    for (std::size_t expert = 0; expert < experts; ++expert) {
        std::vector<std::size_t> own;
        for (std::size_t at = 0; at < questions.size(); ++at) {
            if (questions[at].expert == expert) {
                own.push_back(at);
            }
        }
        for (std::size_t left = own.size(); left > 1; --left) {
            std::swap(own[left - 1], own[random.next() % left]);
        }
        const std::size_t tested = own.size() * test_percent / 100;
        const auto middle = own.end() - static_cast<std::ptrdiff_t>(tested);
        split.examples.insert(split.examples.end(), own.begin(), middle);
        split.test.insert(split.test.end(), middle, own.end());
    }
    std::sort(split.examples.begin(), split.examples.end());
    std::sort(split.test.begin(), split.test.end());
    return split;
}

}  // namespace hexcore
