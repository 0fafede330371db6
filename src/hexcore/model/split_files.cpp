#include "hexcore/model/split_files.hpp"

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace hexcore {

namespace {

/// Five digits as a number; empty for anything else.
std::optional<std::uint32_t> five_digits(std::string_view text) {
    std::uint32_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return number;
}

}  // namespace

std::filesystem::path SplitName::part(std::uint32_t part_index) const {
    return fmt::format("{}-{:05}-of-{:05}.gguf", prefix, part_index + 1, count);
}

std::optional<SplitName> parse_split_name(const std::filesystem::path& path) {
    constexpr std::string_view pattern = "-00000-of-00000.gguf";
    const std::string name = path.string();
    if (name.size() < pattern.size()) {
        return std::nullopt;
    }
    const std::size_t start = name.size() - pattern.size();
    const std::string_view tail = std::string_view(name).substr(start);
    if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf") {
        return std::nullopt;
    }
    const auto number = five_digits(tail.substr(1, 5));
    const auto count = five_digits(tail.substr(10, 5));
    if (!number || !count || *number == 0 || *number > *count) {
        return std::nullopt;
    }
    return SplitName{name.substr(0, start), *number - 1, *count};
}

}  // namespace hexcore
