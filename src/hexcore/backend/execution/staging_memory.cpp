#include "hexcore/backend/execution/staging_memory.hpp"

#include "ggml-backend.h"
#include "hexcore/base/check.hpp"

namespace hexcore {

void* StagingMemory::get_bytes(std::size_t size) {
    if (!buffer_ || ggml_backend_buffer_get_size(buffer_.get()) < size) {
        buffer_.reset();
        buffer_.reset(ggml_backend_buft_alloc_buffer(
            type_ != nullptr ? type_ : ggml_backend_cpu_buffer_type(), size));
        HEXCORE_CHECK(buffer_ != nullptr, size, "bytes of main memory for rows under way");
    }
    return ggml_backend_buffer_get_base(buffer_.get());
}

}  // namespace hexcore
