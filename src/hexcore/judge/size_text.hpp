#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// A computed number of bytes, such as a slope's, as people read it; 0 B for what is below 0.
[[nodiscard]] inline std::string size_text(double bytes) {
    return to_string(Bytes(static_cast<std::uint64_t>(std::max(0.0, bytes))));
}

}  // namespace hexcore
