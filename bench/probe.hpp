#pragma once

#include <cstdio>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Prints what a probe measured as one line of JSON, or on stderr why there is nothing. Gives the
/// program's exit code.
template <typename Json>
int print_figures(const Result<Json>& figures) {
    if (!figures) {
        std::fprintf(stderr, "%s\n", figures.error().message.c_str());
        return static_cast<int>(figures.error().code);
    }
    std::printf("%s\n", figures->dump().c_str());
    return 0;
}

}  // namespace hexcore
