// Templates come with files that anybody may have made.
#include <gmock/gmock.h>

#include "chat/templates.hpp"

namespace hexcore {
namespace {

using test::real_template;
using ::testing::HasSubstr;
using ::testing::Not;

std::string template_refusal(std::string_view text) {
    const auto made = ChatTemplate::from_text(text);
    EXPECT_FALSE(made);
    EXPECT_EQ(made ? ErrorCode::negative : made.error().code, ErrorCode::bad_input);
    const std::string message = made ? "" : made.error().message;
    EXPECT_THAT(message, Not(HasSubstr("\n")));
    return message;
}

/// As often as there is room for in a template.
std::string filled(std::string_view text, std::size_t per = 1) {
    std::string all;
    while (all.size() + text.size() < 65'000 / per) {
        all += text;
    }
    return all;
}

TEST(HostileTemplate, IsToldWhatIsWrongWithIt) {
    EXPECT_THAT(template_refusal("{% if %}x{{ "), HasSubstr("cannot be read: Unexpected token"));
    EXPECT_THAT(template_refusal("{{ messages | frobnicate }}"), HasSubstr("frobnicate"));
    EXPECT_THAT(template_refusal("{{ raise_exception('Not\x1b[2J with me') }}"),
                HasSubstr("Not?[2J with me"));
    EXPECT_THAT(template_refusal(""), HasSubstr("is empty"));
}

TEST(HostileTemplate, MayLoopWithoutAnEnd) {
    EXPECT_THAT(template_refusal("{% for i in range(1000000000000000) %}x{% endfor %}"),
                HasSubstr("comes to no end"));
    EXPECT_THAT(
        template_refusal("{% for i in range(9999) %}{% for j in range(9999) %}{{ i }}{% endfor %}"
                         "{% endfor %}"),
        HasSubstr("comes to no end"));
}

TEST(HostileTemplate, MayLoopInLongConversationsOnly) {
    const auto made = ChatTemplate::from_text(
        "{% if messages|length > 30 %}{{ range(1000000000000000) }}{% endif %}");
    ASSERT_TRUE(made) << made.error().message;
    ChatRequest request = test::question();
    EXPECT_TRUE(made->apply(request));
    request.messages.resize(41, request.messages.back());
    const auto prompt = made->apply(request);
    ASSERT_FALSE(prompt);
    EXPECT_EQ(prompt.error().code, ErrorCode::bad_input);
    EXPECT_THAT(prompt.error().message, HasSubstr("comes to no end"));
}

TEST(HostileTemplate, MayCallItself) {
    EXPECT_THAT(template_refusal("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}"),
                HasSubstr("calls itself without an end"));
}

TEST(HostileTemplate, MayBeTooLong) {
    EXPECT_THAT(template_refusal(std::string(65'537, 'x')), HasSubstr("has 65537 bytes"));
}

// These are read, if they are read, and taken apart again without a stack overflow.
TEST(HostileTemplate, MayBeNestedAllAlong) {
    const auto value = [](const std::string& before, std::string_view middle,
                          const std::string& after) {
        (void)ChatTemplate::from_text(fmt::format("{{{{ {}{}{} }}}}", before, middle, after));
    };
    value(filled("(", 2), "1", filled(")", 2));
    value(filled("[", 2), "1", filled("]", 2));
    value(filled("not "), "1", "");
    value(filled("-"), "1", "");
    value("", "'a'", filled("|trim"));
    value("", "a", filled(".b"));
    value("", "a", filled("()"));
    value(filled("1 if 0 else "), "1", "");
    value("", "1", filled(" and 1"));
    (void)ChatTemplate::from_text(filled("{% if 1 %}", 2) + filled("{% endif %}", 2));
    (void)ChatTemplate::from_text(
        fmt::format("{{% if 0 %}}{}{{% endif %}}", filled("{% elif 0 %}")));
}

TEST(HostileAnswer, MayBeNestedWithoutMeasure) {
    const auto prompt = real_template("Qwen-Qwen2.5-7B-Instruct").apply(test::question_with_tool());
    ASSERT_TRUE(prompt);
    const auto call_of = [](std::size_t depth) {
        return fmt::format("<tool_call>\n{}{}", R"({"name": "get_weather", "arguments": {"city": )",
                           std::string(depth, '['));
    };
    const auto far_too_deep = read_answer(*prompt, call_of(100'000), AnswerEnd::open);
    ASSERT_FALSE(far_too_deep);
    EXPECT_EQ(far_too_deep.error().code, ErrorCode::negative);
    EXPECT_THAT(far_too_deep.error().message, HasSubstr("nested 100002 levels deep"));
    // Read on a stack that is large enough for it.
    (void)read_answer(*prompt, call_of(1'900), AnswerEnd::open);
}

}  // namespace
}  // namespace hexcore
