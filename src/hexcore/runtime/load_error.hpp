#pragma once

#include <string_view>

#include "hexcore/backend/machine.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/llama_log.hpp"

namespace hexcore {

/// Why libllama gave up: `what` it could not do, and the reason, which its interface does not
/// carry. A device's refusal comes first, then what libllama complained of in its log.
[[nodiscard]] Error load_error(Machine& machine, LlamaLog& log, const Inventory& inventory,
                               std::string_view what);

/// The part of it that libllama's `errors` tell, of any of its loads.
[[nodiscard]] Error libllama_error(const std::string& errors, const Inventory& inventory,
                                   std::string_view what);

}  // namespace hexcore
