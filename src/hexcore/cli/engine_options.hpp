#pragma once

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Of an engine for whoever sits at the terminal: it parks as planned, and complains there.
[[nodiscard]] EngineOptions engine_options(bool exact, const Plan& plan);

}  // namespace hexcore
