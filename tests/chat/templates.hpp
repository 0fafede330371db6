#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "hexcore/chat/chat_template.hpp"

namespace hexcore::test {

/// The text of one of the templates that llama.cpp's source brings along.
inline std::string template_text(const std::string& name) {
    std::ifstream file(std::string(HEXCORE_TEMPLATES) + "/" + name + ".jinja");
    EXPECT_TRUE(file) << name;
    return {std::istreambuf_iterator<char>(file), {}};
}

inline ChatTemplate real_template(const std::string& name) {
    auto made = ChatTemplate::from_text(template_text(name), "<s>", "</s>");
    EXPECT_TRUE(made) << name << ": " << made.error().message;
    return std::move(made).value();
}

inline ChatTool weather_tool() {
    return {.name = "get_weather",
            .description = "Tells the weather in a city.",
            .parameters = R"({"type": "object", "properties": {"city": {"type": "string"},
                "days": {"type": "integer"}}, "required": ["city"]})"};
}

inline ChatRequest question() {
    return {.messages = {{.role = "system", .content = "Be brief."},
                         {.role = "user", .content = "How is the weather in Rome?"}}};
}

inline ChatRequest question_with_tool() {
    ChatRequest request = question();
    request.tools = {weather_tool()};
    return request;
}

}  // namespace hexcore::test
