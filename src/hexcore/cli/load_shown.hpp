#pragma once

#include "hexcore/api/planned_model.hpp"
#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// Looks for a NaN or an infinity in the tensors while they are read, or not.
enum class DataCheck { none, values };

/// PlannedModel::load(), with its progress on stderr, and a sentence there on whom it waits for.
[[nodiscard]] Result<LoadedModel> load_shown(const PlannedModel& model, const Interrupt& interrupt,
                                             DataCheck check);

}  // namespace hexcore
