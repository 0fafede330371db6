#pragma once

#include <cstddef>
#include <string>

#include "hexcore/report/assistant_report.hpp"

namespace hexcore {

/// A share of 1: "43 %".
[[nodiscard]] std::string percent_text(double share);

/// Behind an answer, for people: who gave it and why, who may do better, and what was read, in
/// lines of at most `columns`.
[[nodiscard]] std::string answer_summary(const AssistantAnswer& answer, std::size_t columns);
/// What the cache and the memory of devices have; nothing where nothing was loaded.
[[nodiscard]] std::string memory_summary(const AssistantReport& report, std::size_t columns);
/// Both, and where the time went.
[[nodiscard]] std::string assistant_summary(const AssistantReport& report, std::size_t columns);

}  // namespace hexcore
