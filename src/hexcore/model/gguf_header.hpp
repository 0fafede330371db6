#pragma once

#include <vector>

#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/gguf_metadata.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// What one GGUF file says of itself. Of the tensors only what the file states is filled in: name,
/// type, shape, bytes and offset_bytes.
struct GgufHeader {
    GgufMetadata metadata;
    std::vector<TensorInfo> tensors;
};

/// Reads and checks the header of a GGUF file of version 2 or 3. Every tensor of the result lies
/// within the file, aligned, and overlaps no other. Fails with ErrorCode::bad_input, naming the key
/// or tensor that is wrong. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
[[nodiscard]] Result<GgufHeader> read_gguf_header(const ByteSource& source);

}  // namespace hexcore
