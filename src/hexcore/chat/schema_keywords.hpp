#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Whether what one schema (not those in it) asserts is what a grammar made of it enforces; `what`
/// begins the sentence where it is not. Annotations, unknown keywords and formats assert nothing.
/// Fails with ErrorCode::usage, naming the keyword.
[[nodiscard]] Result<void> check_schema_keywords(const nlohmann::json& schema,
                                                 const std::string& what);

}  // namespace hexcore
