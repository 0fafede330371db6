#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// `text` with what looks like a secret as `***`: values behind names such as `password=` or
/// `api-key:`, words after `Bearer`, passwords in URLs, words that begin as known tokens do, and
/// long words as random ones are.
[[nodiscard]] std::string without_secrets(std::string_view text);

/// The same for the words of a command, where a name may stand in the word before its value:
/// `--token abc`.
[[nodiscard]] std::vector<std::string> without_secrets(const std::vector<std::string>& words);

}  // namespace hexcore
