#pragma once

#include "hexcore/backend/device.hpp"

namespace hexcore {

/// A device of another ggml backend (CUDA, RPC) under a budget: its buffers and its computing are
/// the inner device's, accounting and the execution of experts are ours.
class WrappedDevice : public Device {
public:
    /// The inner device of a spec, which stays valid until the program ends. Fails with
    /// ErrorCode::missing_device where this build or machine has none such.
    [[nodiscard]] static Result<ggml_backend_dev_t> find_inner(const DeviceSpec& spec);

    WrappedDevice(Machine& machine, ggml_backend_reg_t registry, DeviceId id,
                  const DeviceSpec& spec, Commitment commitment, ggml_backend_dev_t inner);

    [[nodiscard]] const char* description() const override {
        return ggml_backend_dev_description(inner_);
    }
    [[nodiscard]] bool is_host() const override { return false; }
    [[nodiscard]] ggml_backend_dev_t stock_device() const override { return inner_; }
    /// What the driver or the server has less than when the device was made.
    [[nodiscard]] Result<Bytes> measured() const override;
    [[nodiscard]] bool supports(const ggml_tensor& op) override {
        return ggml_backend_dev_supports_op(inner_, &op);
    }
    [[nodiscard]] ggml_backend_t start_inner_backend() override {
        return ggml_backend_dev_init(inner_, nullptr);
    }
    [[nodiscard]] ggml_backend_buffer_t inner_buffer(ggml_backend_buffer_t buffer) const override;
    [[nodiscard]] std::unique_ptr<ExpertExecution> make_execution() override;

    [[nodiscard]] ggml_backend_buffer_type_t inner_buffer_type() const {
        return ggml_backend_dev_buffer_type(inner_);
    }

private:
    [[nodiscard]] ggml_backend_buffer_t allocate(Bytes size, Purpose purpose) override;
    [[nodiscard]] Bytes inner_free() const;

    ggml_backend_dev_t inner_;
    Bytes free_at_first_;
};

}  // namespace hexcore
