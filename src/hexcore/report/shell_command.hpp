#pragma once

#include <string>
#include <string_view>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// One word of a POSIX shell command, quoted where it has to be.
[[nodiscard]] std::string shell_word(std::string_view text);

/// A sentence as shell comments, in lines of a report's width.
[[nodiscard]] std::string shell_comment(std::string_view sentence);

/// The words of a command, in lines that end in a backslash, each starting with an option.
class ShellCommand {
public:
    explicit ShellCommand(std::string_view program) : text_(shell_word(program)) {}
    /// A variable of the command's environment; before options.
    void variable(std::string_view name, std::string_view value);
    void option(std::string_view name, std::string_view value);
    void flag(std::string_view name);
    [[nodiscard]] std::string text() const { return variables_ + text_ + '\n'; }

private:
    std::string variables_;
    std::string text_;
};

/// The context in the options of llama.cpp's programs.
void add_context_options(ShellCommand& command, const ContextShape& context);
/// Those for the plan's adapters, which llama.cpp's programs have too.
void add_adapter_options(ShellCommand& command, const Plan& plan);

}  // namespace hexcore
