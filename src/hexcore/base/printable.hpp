#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hexcore {

/// `text` with control characters and whatever is not UTF-8 replaced by `?`. Names come from model
/// files, which may hold anything: escape sequences, or line ends that would leave a comment.
[[nodiscard]] std::string printable(std::string_view text);

/// The printable `text`, where it is longer than `bytes_max` its start and an ellipsis: at most
/// that many bytes in all, and no character in halves. `bytes_max` is at least 3.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace hexcore
