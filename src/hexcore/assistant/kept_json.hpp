#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A document that can be made again, by a file in the cache: it names its schema, and what it
/// depends on (the key). Null where there is none, or it is not that, or it is damaged.
[[nodiscard]] nlohmann::json read_kept_json(const std::filesystem::path& file,
                                            const std::string& schema, const std::string& key);
/// Makes its folder, too. Fails with ErrorCode::negative where it cannot be written.
[[nodiscard]] Result<void> write_kept_json(const std::filesystem::path& file,
                                           const nlohmann::ordered_json& document);

}  // namespace hexcore
