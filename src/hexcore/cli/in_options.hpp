#pragma once

#include "hexcore/base/told.hpp"

namespace hexcore {

/// A change in terms of the command line's options.
[[nodiscard]] const char* in_options(const Remedy& remedy);

}  // namespace hexcore
