#pragma once

#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Whether somebody listens at "HOST:PORT" over IPv4, asked by connecting once, for
/// 5 seconds at most. Fails with ErrorCode::missing_device, saying why not.
[[nodiscard]] Result<void> probe_server(const std::string& endpoint);

}  // namespace hexcore
