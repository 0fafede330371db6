#pragma once

#include <functional>
#include <string_view>

#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/load_parameters.hpp"

namespace hexcore {

/// Lets libllama do on the CPU, without taking memory for the model, what a plan and a run will ask
/// of it: metadata and vocabulary, a context, graphs, every kind of operation over zeros. libllama
/// and ggml stop the process, throw, or go astray on a file that they do not expect, so this is for
/// a process of its own. `on_step` is told what is done, before it is. Fails with
/// ErrorCode::bad_input or does_not_fit where libllama refuses the file in order. A context that
/// libllama refuses is no failure here: what is wrong with it, the options or the file, says
/// whoever plans.
[[nodiscard]] Result<void> try_file(const Inventory& inventory, const ContextShape& shape,
                                    const std::function<void(std::string_view)>& on_step);

}  // namespace hexcore
