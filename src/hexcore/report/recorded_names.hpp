#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "hexcore/base/printable.hpp"
#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// Names out of recordings, which may be as long as a file, are cut after so many bytes.
inline constexpr std::size_t recorded_name_max = 120;

[[nodiscard]] inline std::uint64_t number_of(const TextRef& text) {
    return text ? text->number : 0;
}

/// The numbers of a site's holder, purpose, label and stack; 0: none.
using SiteKey = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;
[[nodiscard]] inline SiteKey key_of(const RecordedSite& site) {
    return {site.holder ? site.holder->number : 0, number_of(site.purpose), number_of(site.label),
            site.stack ? site.stack->number : 0};
}

/// The name to be shown; empty where there is none.
[[nodiscard]] inline std::string name_of(const TextRef& text) {
    return text ? shortened(text->text, recorded_name_max) : std::string();
}

/// Of a process: its command, or what to say where it has none.
[[nodiscard]] inline std::string command_name(const std::string& command) {
    return command.empty() ? "a process" : shortened(command, recorded_name_max);
}

}  // namespace hexcore
