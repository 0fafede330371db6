#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hexcore {

/// Where a file stands in a split model, by its name `...-0000i-of-0000n.gguf`.
struct SplitName {
    std::string prefix;       ///< path up to the dash before the numbers
    std::uint32_t index = 0;  ///< from 0
    std::uint32_t count = 0;

    [[nodiscard]] std::filesystem::path part(std::uint32_t part_index) const;
};

/// Empty where the name is not of that form or its numbers make no sense.
[[nodiscard]] std::optional<SplitName> parse_split_name(const std::filesystem::path& path);

}  // namespace hexcore
