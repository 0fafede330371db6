#pragma once

#include "hexcore/runtime/load_options.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore::test {

/// What the routers of a model chose is seen in every layer with experts. Loads it.
void expect_traced_routing(Machine& machine, const Inventory& inventory, const Plan& plan,
                           LoadOptions options);

}  // namespace hexcore::test
