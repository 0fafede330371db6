#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What a process that examines a file is told: the program's arguments, on both sides.
struct ExaminationRequest {
    pid_t parent = 0;  ///< who asks; the examination ends with it
    ContextShape context;
    std::filesystem::path model;

    /// Without the program's name.
    [[nodiscard]] std::vector<std::string> arguments() const;
    /// Nothing where they are those of a command. Fails with ErrorCode::usage where they begin as
    /// those of an examination and go on as something else.
    [[nodiscard]] static Result<std::optional<ExaminationRequest>> parse(
        const std::vector<std::string>& arguments);
};

/// The line with which a process that examines begins, as only a program of this version does.
[[nodiscard]] std::string_view examination_greeting();

}  // namespace hexcore
