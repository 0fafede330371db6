#pragma once

#include "hexcore/backend/device.hpp"

namespace hexcore {

/// A capped host device: main memory, committed when it is allocated, and ggml's CPU kernels.
class HostDevice : public Device {
public:
    HostDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
               Commitment commitment);

    [[nodiscard]] const char* description() const override { return "capped host device"; }
    [[nodiscard]] bool is_host() const override { return true; }
    [[nodiscard]] Result<std::optional<Bytes>> measured() const override;
    [[nodiscard]] bool supports(const ggml_tensor& op) override;
    [[nodiscard]] ggml_backend_t start_inner_backend() override;

private:
    [[nodiscard]] ggml_backend_buffer_t allocate(Bytes size, Purpose purpose) override;
};

}  // namespace hexcore
