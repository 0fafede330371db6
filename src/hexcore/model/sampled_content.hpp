#pragma once

#include <string>

#include "hexcore/base/result.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// Which model it is by what its files hold, wherever they lie: a hash, in hexadecimal digits, of
/// all that stands before the tensors, and of some bytes from the middle of each. So it takes
/// milliseconds, and a model that was trained further has another one. Fails with
/// ErrorCode::bad_input where they cannot be read.
[[nodiscard]] Result<std::string> sampled_content(const Inventory& inventory);

}  // namespace hexcore
