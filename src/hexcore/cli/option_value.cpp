#include "hexcore/cli/option_value.hpp"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string_view>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t most_of_32_bits = std::numeric_limits<std::uint32_t>::max();

/// "32k" is 32768.
std::optional<std::uint64_t> tokens_of(std::string_view text, std::uint64_t most) {
    std::uint64_t factor = 1;
    if (text.ends_with('k') || text.ends_with('K')) {
        factor = 1024;
    } else if (text.ends_with('m') || text.ends_with('M')) {
        factor = 1024 * 1024;
    }
    text.remove_suffix(factor == 1 ? 0 : 1);
    const auto count = whole_number(text);
    if (!count || *count == 0 || *count > most / factor) {
        return std::nullopt;
    }
    return *count * factor;
}

/// Takes the place of -1 where the option's own type has no sign.
CLI::Validator whole_or_minus_one(std::uint64_t least, std::uint64_t most, std::uint32_t minus_one,
                                  const std::string& meaning) {
    return {[=](std::string& text) -> std::string {
                if (text == "-1") {
                    text = std::to_string(minus_one);
                    return "";
                }
                const auto value = whole_number(text);
                return value && *value >= least && *value <= most
                           ? ""
                           : fmt::format("{} is not a whole number from {} to {}, or -1 for {}",
                                         text, least, most, meaning);
            },
            ""};
}

}  // namespace

CLI::Validator number_between(double least, double most) {
    return {[=](const std::string& text) -> std::string {
                double value = 0;
                return CLI::detail::lexical_cast(text, value) && value >= least && value <= most
                           ? ""
                           : fmt::format("{} is not a number from {} to {}", text, least, most);
            },
            ""};
}

CLI::Validator whole_between(std::uint64_t least, std::uint64_t most) {
    return {[=](const std::string& text) -> std::string {
                const auto value = whole_number(text);
                return value && *value >= least && *value <= most
                           ? ""
                           : fmt::format("{} is not a whole number from {} to {}", text, least,
                                         most);
            },
            ""};
}

CLI::Validator number_from(double least) {
    return {[=](const std::string& text) -> std::string {
                double value = 0;
                return CLI::detail::lexical_cast(text, value) && value >= least
                           ? ""
                           : fmt::format("{} is not a number from {} on", text, least);
            },
            ""};
}

CLI::Validator byte_size() {
    return {[](const std::string& text) -> std::string {
                const auto size = parse_bytes(text);
                return size ? "" : size.error().message;
            },
            ""};
}

CLI::Validator token_count(std::uint64_t most) {
    return {[=](std::string& text) -> std::string {
                const auto count = tokens_of(text, most);
                if (text == "0") {  // in llama.cpp's programs what the model was trained for
                    return "0 tokens are no context; leave it out for an ordinary one, or add "
                           "--fit ctx in its place for the longest that fits";
                }
                if (!count) {
                    return fmt::format("{} is not a number of tokens from 1 to {} (32k is 32768)",
                                       text, most);
                }
                text = std::to_string(*count);
                return "";
            },
            ""};
}

bool is_size(const std::string& value) { return value.ends_with('B') || value.ends_with('b'); }

CLI::Validator token_count_or_size(std::uint64_t most) {
    return {[=](std::string& text) -> std::string {
                if (!is_size(text)) {
                    const std::string wrong = token_count(most)(text);
                    return wrong.empty() ? wrong : wrong + "; 300MiB is a size of the cache";
                }
                const auto size = parse_bytes(text);
                return size ? "" : size.error().message;
            },
            ""};
}

CLI::Validator count_or_unlimited(std::uint32_t unlimited) {
    return whole_or_minus_one(1, 1U << 30U, unlimited, "no limit");
}

CLI::Validator count_or_all() {
    constexpr std::uint32_t most = 1U << 30U;
    return whole_or_minus_one(0, most, most, "all");
}

CLI::Validator seed_or_random(std::uint32_t random) {
    return whole_or_minus_one(0, most_of_32_bits, random, "another one each time");
}

}  // namespace hexcore
