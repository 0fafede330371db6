#pragma once

#include <chrono>
#include <filesystem>

#include "hexcore/base/result.hpp"
#include "hexcore/process/child_process.hpp"

namespace hexcore {

/// How long an examination may take: some hundred times what the largest vocabularies take.
inline constexpr std::chrono::milliseconds examination_deadline{120'000};

/// What the end of the process that examined a file says of the file. Fails as that process did
/// where it ended in order; with ErrorCode::usage where `examiner` is no hexcore of this version,
/// which begins with examination_greeting(); with ErrorCode::does_not_fit where it was refused
/// memory or killed for it; with ErrorCode::bad_input, its last step and its last words where
/// libllama stopped it.
[[nodiscard]] Result<void> examination_result(const std::filesystem::path& examiner,
                                              const std::filesystem::path& model,
                                              ChildOutcome outcome);

}  // namespace hexcore
