#pragma once

#include <atomic>
#include <filesystem>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// Whether libllama gets through with a file is found out in a process of its own, the program
/// `examiner` (`hexcore`, see ExaminationRequest). Fails with ErrorCode::bad_input where libllama
/// refuses the file, stops or crashes, in its own words; with does_not_fit where memory ran out,
/// and with interrupted once `stop` (null: never) is set. Takes as long as a dry run.
[[nodiscard]] Result<void> examine_apart(const std::filesystem::path& examiner,
                                         const std::filesystem::path& model, ContextShape context,
                                         const std::atomic<bool>* stop);

}  // namespace hexcore
