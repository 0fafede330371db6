#pragma once

#include <functional>

#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {

/// Brings a model's tensors into the page cache, for whoever then reads them through a mapping,
/// page by page. Reports how far it is after each 256 KiB; stops where that returns false, with
/// ErrorCode::interrupted. Fails with bad_input where a file cannot be read or ends early.
[[nodiscard]] Result<void> read_ahead(const Inventory& inventory,
                                      const std::function<bool(ReadProgress)>& progress);

}  // namespace hexcore
