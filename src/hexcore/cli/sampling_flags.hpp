#pragma once

#include <CLI/CLI.hpp>

#include "hexcore/runtime/sampling.hpp"

namespace hexcore {

/// The options that say how tokens are chosen, by llama.cpp's names.
void add_sampling(CLI::App& command, SamplingOptions& sampling);

}  // namespace hexcore
