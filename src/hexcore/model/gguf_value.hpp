#pragma once

#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/gguf_metadata.hpp"

namespace hexcore {

/// Reads type and value of a key, of which the cursor's part() is the name. What an inventory
/// cannot need (floating point, long strings and arrays) is passed over. Fails with
/// ErrorCode::bad_input for an unknown type, a nested array, or what does not fit the file.
[[nodiscard]] Result<GgufValue> read_gguf_value(ByteCursor& cursor);

}  // namespace hexcore
