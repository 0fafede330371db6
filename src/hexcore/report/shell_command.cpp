#include "hexcore/report/shell_command.hpp"

#include <fmt/format.h>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

std::string shell_word(std::string_view text) {
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:+=@%";
    if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos) {
        return std::string(text);
    }
    std::string word = "'";
    for (const char c : text) {
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return word + "'";
}

std::string shell_comment(std::string_view sentence) {
    constexpr std::string_view lead = "# ";
    std::string text;
    for (const std::string& line : wrap_text(sentence, report_columns - lead.size())) {
        text += fmt::format("{}{}\n", lead, line);
    }
    return text;
}

void ShellCommand::variable(std::string_view name, std::string_view value) {
    variables_ += fmt::format("{}={} \\\n", name, shell_word(value));
}

void ShellCommand::option(std::string_view name, std::string_view value) {
    text_ += fmt::format(" \\\n    {} {}", name, shell_word(value));
}

void ShellCommand::flag(std::string_view name) { text_ += fmt::format(" \\\n    {}", name); }

void add_context_options(ShellCommand& command, const ContextShape& context) {
    command.option("-c", fmt::format("{}", context.tokens.value()));
    command.option("-ub", fmt::format("{}", context.ubatch.value()));
    if (context.sequences > 1) {
        command.option("-np", fmt::format("{}", context.sequences));
    }
    if (context.swa_full) {
        command.flag("--swa-full");
    }
    if (context.kv_type != KvType::f16) {
        command.option("-ctk", to_string(context.kv_type));
        command.option("-ctv", to_string(context.kv_type));
        command.option("-fa", "on");  // a quantised V cache needs it
    }
}

void add_adapter_options(ShellCommand& command, const Plan& plan) {
    for (const PlannedAdapter& adapter : plan.adapters) {
        if (adapter.file.empty()) {
            continue;  // a merged one
        }
        command.option("--lora-scaled", fmt::format("{}:{}", adapter.file, adapter.scale));
    }
}

}  // namespace hexcore
