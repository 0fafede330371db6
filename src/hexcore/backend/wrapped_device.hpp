#pragma once

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/inner_device.hpp"

namespace hexcore {

/// A device of another ggml backend (CUDA, RPC) under a budget: its buffers and its computing are
/// the inner device's, accounting and the execution of experts are ours.
class WrappedDevice : public Device {
public:
    WrappedDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                  const DeviceSpec& spec, Commitment commitment, const InnerDevice& inner);

    [[nodiscard]] const char* description() const override {
        return ggml_backend_dev_description(inner_.device);
    }
    [[nodiscard]] bool is_host() const override { return false; }
    [[nodiscard]] ggml_backend_dev_t stock_device() const override { return inner_.device; }
    /// What the driver says that this process holds, or where it does not tell, what it has less
    /// than when the device was made; with what it keeps for the process as such (the CUDA context)
    /// as long as anything is accounted. An RPC server does not tell: nothing.
    [[nodiscard]] Result<std::optional<Bytes>> measured() const override;
    [[nodiscard]] MeasuredBy measured_by() const override;
    [[nodiscard]] Bytes overhead() const override { return inner_.context + inner_.pools; }
    [[nodiscard]] Bytes overhead_taken() const override { return inner_.context; }
    /// Pinned memory, where the inner device has it. A simulated device has none: what a dry run
    /// takes in host memory is as large, and is given back at once.
    [[nodiscard]] ggml_backend_buffer_type_t pinned_type() const override {
        return memory().is_simulated() ? nullptr : ggml_backend_dev_host_buffer_type(inner_.device);
    }
    [[nodiscard]] bool supports(const ggml_tensor& op) override {
        return ggml_backend_dev_supports_op(inner_.device, &op);
    }
    [[nodiscard]] ggml_backend_t start_inner_backend() override {
        return ggml_backend_dev_init(inner_.device, nullptr);
    }

    [[nodiscard]] ggml_backend_buffer_type_t inner_buffer_type() const {
        return ggml_backend_dev_buffer_type(inner_.device);
    }

private:
    [[nodiscard]] ggml_backend_buffer_t allocate(Bytes size, Purpose purpose) override;

    InnerDevice inner_;
    Bytes free_at_first_;
};

}  // namespace hexcore
