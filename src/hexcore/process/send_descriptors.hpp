#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace hexcore {

/// At most so many at once.
inline constexpr std::size_t sent_descriptors_max = 16;

/// Sends bytes over a Unix socket and, with the first of them, descriptors, which stay open here
/// (SCM_RIGHTS). Never waits. How many bytes were sent, or -1 with errno set.
[[nodiscard]] ssize_t send_descriptors(int socket, std::string_view bytes,
                                       std::span<const int> descriptors);

}  // namespace hexcore
