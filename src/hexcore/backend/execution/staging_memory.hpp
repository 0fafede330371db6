#pragma once

#include <cstddef>

#include "ggml-cpp.h"

namespace hexcore {

/// Main memory from and to which devices copy beside the caller: pinned where they have that. Grows
/// and is kept.
class StagingMemory {
public:
    /// `pinned`: of which type; null: any.
    explicit StagingMemory(ggml_backend_buffer_type_t pinned) : type_(pinned) {}

    /// `size` bytes, whose content is lost when they have to grow. Nothing may be copied from or to
    /// the last ones any more.
    template <typename T>
    [[nodiscard]] T* get(std::size_t count) {
        return static_cast<T*>(get_bytes(count * sizeof(T)));
    }

private:
    [[nodiscard]] void* get_bytes(std::size_t size);

    ggml_backend_buffer_type_t type_;
    ggml_backend_buffer_ptr buffer_;
};

}  // namespace hexcore
