#include "hexcore/backend/memory/device_buffer.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {

void free_device_buffer(ggml_backend_buffer_t buffer) {
    if (TensorFiller* filler = device_of(buffer->buft->device).machine().filler()) {
        filler->abandon();
    }
    delete device_buffer(buffer);
}

}  // namespace hexcore
