#pragma once

namespace hexcore::test {

/// Whether a sanitizer's allocator stands in for glibc's, and keeps what was freed as it likes.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace hexcore::test
