#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ggml-backend-impl.h"
#include "hexcore/backend/device.hpp"
#include "hexcore/backend/experts/expected_weights.hpp"
#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "hexcore/backend/experts/expert_layout.hpp"
#include "hexcore/backend/memory/tensor_filler.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/track/ledger_teller.hpp"

namespace hexcore {

/// Makes the device of a spec; takes no device memory. Fails with ErrorCode::missing_device for a
/// kind of device that this build cannot drive.
using DeviceMaker = std::function<Result<std::unique_ptr<Device>>(
    Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
    Commitment commitment)>;
/// Of each kind that there is.
[[nodiscard]] Result<std::unique_ptr<Device>> make_device(Machine& machine,
                                                          ggml_backend_reg_t registry, DeviceId id,
                                                          const DeviceSpec& spec,
                                                          Commitment commitment);

/// The devices that a model is placed on, as one ggml backend. Passed to whoever needs it; nothing
/// is registered with ggml globally. Must outlive every model and context that uses its devices.
class Machine {
public:
    /// Makes a device for each spec by `maker`, and fails as that does.
    [[nodiscard]] static Result<std::unique_ptr<Machine>> create(
        const std::vector<DeviceSpec>& specs, Commitment commitment = Commitment::committed,
        DeviceMaker maker = make_device);
    /// One of the same devices, on which nothing is taken.
    [[nodiscard]] Result<std::unique_ptr<Machine>> simulated() const {
        return create(specs_, Commitment::simulated, maker_);
    }

    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// What it was made from.
    [[nodiscard]] const std::vector<DeviceSpec>& specs() const { return specs_; }
    [[nodiscard]] std::size_t size() const { return devices_.size(); }
    /// Whether all devices are main memory of this process.
    [[nodiscard]] bool all_host() const;
    /// Whether any is.
    [[nodiscard]] bool has_host() const;
    [[nodiscard]] Device& device(DeviceId id) { return *devices_[id.value()]; }
    [[nodiscard]] const Device& device(DeviceId id) const { return *devices_[id.value()]; }

    /// The books of host memory outside the devices, which has no limit.
    [[nodiscard]] Ledger& host() { return host_; }

    /// Somebody who needs the devices, by a name for people, for as long as this lives.
    class User {
    public:
        User(Machine& machine, std::string name);
        ~User();
        User(const User&) = delete;
        User& operator=(const User&) = delete;

    private:
        Machine& machine_;
        std::list<std::string>::iterator position_;
    };
    /// Safe to call from any thread, as making and ending one is.
    [[nodiscard]] std::vector<std::string> users() const;

    /// Somebody who has something on the devices and can give it back, as long as this lives and
    /// nobody uses it. Not to be moved.
    class Holder {
    public:
        Holder(Machine& machine, std::string name, std::function<void()> give_back);
        ~Holder();
        Holder(const Holder&) = delete;
        Holder& operator=(const Holder&) = delete;

    private:
        friend class Machine;
        Machine& machine_;
        std::string name_;
        std::function<void()> give_back_;  ///< empty: it did
    };
    /// Has all holders give back what they have, and names them. Only while there are no users, and
    /// in the thread of those who made the holders.
    std::vector<std::string> give_back_unused();

    /// What this process held of main memory before the model was planned, or before the first load
    /// where nobody noted that; nothing: the kernel does not tell.
    [[nodiscard]] std::optional<Bytes> own_memory_before_load() const { return own_memory_; }
    void note_own_memory_before_load(std::optional<Bytes> size) { own_memory_ = size; }
    /// Of all devices and of host memory. Not while anything is used.
    void reset_statistics();

    /// What devices take besides buffers, see Device::overhead(); returns itself.
    using Overheads = std::vector<std::unique_ptr<DeviceMemory::Block>>;
    /// Reserves it on each device. Fails with ErrorCode::does_not_fit, leaving nothing.
    [[nodiscard]] Result<Overheads> take_overheads();

    /// Where copies of experts go that lie in main memory; returns itself.
    using ExpertCaches = std::vector<std::unique_ptr<ExpertCacheMemory>>;
    /// Takes on each device what `planned`, of all of them, has for that. Fails with
    /// ErrorCode::does_not_fit, leaving nothing.
    [[nodiscard]] Result<ExpertCaches> take_expert_caches(
        const std::vector<PlannedDevice>& planned);

    /// For ggml_backend_init: the machine as a registry of devices.
    [[nodiscard]] ggml_backend_reg_t registry() { return &registry_; }

    /// Where experts go in the loads that follow. Must not change while a model is loaded. Without
    /// the file they are known by the names of their tensors. Fails as check_computable() does.
    [[nodiscard]] Result<void> place_experts(const Placement& placement,
                                             const Inventory* inventory = nullptr);
    [[nodiscard]] const ExpertLayout& layout() const { return layout_; }

    /// What the weights and experts of a model that a program loads by itself must take, by device;
    /// until it is called, nobody knows. To be called once, before anything is loaded.
    void expect_weights(std::vector<Usage> planned) { expected_.emplace(std::move(planned)); }
    /// To be asked before an ordinary buffer is taken on the device: false while another model than
    /// that is loaded, with the reason as a refusal of its memory (see ExpectedWeights).
    [[nodiscard]] bool allows_buffer(DeviceId id);

    /// The arenas of the layers at home on `home` exist once: true for the first to ask.
    [[nodiscard]] bool claim_arenas(DeviceId home);
    void release_arenas(DeviceId home);

    /// Who writes tensor data in place of set_tensor, while a model loads; null: nobody. Must be
    /// taken away again before it ends.
    void set_filler(TensorFiller* filler) { filler_ = filler; }
    [[nodiscard]] TensorFiller* filler() const { return filler_; }

    /// The first refusal on any device since it was last asked, if any.
    [[nodiscard]] std::optional<Error> last_refusal();

private:
    Machine(std::vector<DeviceSpec> specs, DeviceMaker maker);
    /// Whoever watches this process is told what is held.
    void tell(Ledger& ledger, Bytes total);

    std::vector<DeviceSpec> specs_;
    DeviceMaker maker_;
    ggml_backend_reg registry_;
    std::vector<std::unique_ptr<LedgerTeller>> tellers_;
    Ledger host_;
    std::vector<std::unique_ptr<Device>> devices_;
    ExpertLayout layout_;
    std::optional<ExpectedWeights> expected_;
    std::vector<bool> claimed_;  ///< [home]
    TensorFiller* filler_ = nullptr;
    std::optional<Bytes> own_memory_;
    mutable std::mutex users_mutex_;
    std::list<std::string> users_;
    std::vector<Holder*> holders_;
};

}  // namespace hexcore
