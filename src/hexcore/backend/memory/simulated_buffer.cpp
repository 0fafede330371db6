#include "hexcore/backend/memory/simulated_buffer.hpp"

#include <cstring>

namespace hexcore {

ggml_backend_buffer_i interface_in(const DeviceMemory& memory, const ggml_backend_buffer_i& real) {
    ggml_backend_buffer_i result = real;
    if (!memory.is_simulated()) {
        return result;
    }
    result.memset_tensor = [](ggml_backend_buffer_t, ggml_tensor*, std::uint8_t, std::size_t,
                              std::size_t) {};
    result.set_tensor = [](ggml_backend_buffer_t, ggml_tensor*, const void*, std::size_t,
                           std::size_t) {};
    result.get_tensor = [](ggml_backend_buffer_t, const ggml_tensor*, void* data, std::size_t,
                           std::size_t size) { std::memset(data, 0, size); };
    result.cpy_tensor = [](ggml_backend_buffer_t, const ggml_tensor*, ggml_tensor*) {
        return true;
    };
    result.clear = [](ggml_backend_buffer_t, std::uint8_t) {};
    return result;
}

}  // namespace hexcore
