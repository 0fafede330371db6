#include "hexcore/report/assistant_summary.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::size_t columns = 80;
constexpr const char* reason = "RED: its adapter is missing: nope.gguf";

AssistantAnswer answer_of_blue() {
    return {.assistant = "colours",
            .text = "Blue.",
            .experts = {{.name = "BLUE", .confidence = 0.33}},
            .fallback = SuggestedFallback{"BLUE", 0.33, reason},
            .notes = {reason}};
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

TEST(AssistantSummary, SaysOnceWhyAnotherOneAnsweredInHisPlace) {
    const std::string text = answer_summary(answer_of_blue(), columns);
    EXPECT_EQ(text,
              "expert    BLUE (33 % likely)\n"
              "fallback  BLUE answered in place of RED: its adapter is missing: nope.gguf\n");
    AssistantAnswer suggested = answer_of_blue();
    suggested.experts.front().name = "RED";
    suggested.notes.emplace_back("Another sentence.");
    const std::string other = answer_summary(suggested, columns);
    EXPECT_THAT(other, AllOf(HasSubstr("fallback  BLUE (33 % likely): RED:"),
                             HasSubstr("note      Another sentence.")));
    EXPECT_EQ(count_of(other, "missing"), 1U);
}

TEST(AssistantSummary, NamesNobodyWhereThereIsNoAnswer) {
    AssistantReport report{.answer = answer_of_blue(), .run = {}};
    report.answer.refused = true;
    report.answer.text.clear();
    EXPECT_THAT(assistant_summary(report, columns),
                AllOf(HasSubstr("refused   no answer"), HasSubstr("fallback  BLUE (33 % likely)"),
                      Not(HasSubstr("expert  ")), Not(HasSubstr("in place")),
                      Not(HasSubstr("cache")), Not(HasSubstr("memory"))));
    EXPECT_THAT(assistant_report_json(report)["experts"], IsEmpty());
    report.answer.named_by = "question";
    report.answer.experts.clear();
    EXPECT_THAT(answer_summary(report.answer, columns), HasSubstr("fallback  BLUE: RED"));
    // It was loaded for nothing, and nothing was cached.
    report.run.devices.resize(1);
    EXPECT_THAT(memory_summary(report, columns),
                AllOf(HasSubstr("memory"), Not(HasSubstr("cache")), Not(HasSubstr("0 tokens"))));
}

TEST(AssistantSummary, SaysThatAnAnswerWasCut) {
    AssistantAnswer answer = answer_of_blue();
    EXPECT_THAT(answer_summary(answer, columns), Not(HasSubstr("cut ")));
    answer.stop = StopReason::length;
    EXPECT_THAT(answer_summary(answer, columns), HasSubstr("cut       it has as many tokens"));
    answer.repeats = true;
    EXPECT_THAT(answer_summary(answer, columns), HasSubstr("the same over and over"));
}

TEST(AssistantSummary, HasTimesInOneUnitThatAreTheWhole) {
    AssistantReport report{.answer = answer_of_blue(), .run = {}};
    report.answer.timing = {.load_ms = 4000,
                            .learn_ms = 11200,
                            .route_ms = 701.5,
                            .look_up_ms = 1,
                            .prompt_ms = 300,
                            .generate_ms = 2000};
    EXPECT_THAT(assistant_summary(report, columns),
                HasSubstr("time      18.20 s: loading 4.00 s, learning 11.20 s, routing 0.70 s, "
                          "prompt 0.30\n          s, answer 2.00 s\n"));
    const auto timing = assistant_report_json(report)["timing"];
    double parts = 0;
    for (const auto& [key, value] : timing.items()) {
        parts += key == "total_ms" ? 0 : value.get<double>();
    }
    EXPECT_DOUBLE_EQ(parts, timing["total_ms"].get<double>());
    EXPECT_EQ(timing["learn_ms"], 11200);
    EXPECT_THAT(memory_summary(report, columns), IsEmpty());
}

}  // namespace
}  // namespace hexcore
