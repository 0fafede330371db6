#include "hexcore/backend/machine.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "hexcore/backend/execution/device_backend.hpp"
#include "hexcore/backend/execution/execution_strategy.hpp"
#include "hexcore/backend/host_device.hpp"
#include "hexcore/backend/wrapped_device.hpp"

namespace hexcore {
namespace {

Machine& machine_of(ggml_backend_reg_t registry) {
    return *static_cast<Machine*>(registry->context);
}

// libllama finds thread counts and the abort callback by name; without them a device computes with
// default threads and an interrupt waits for the whole batch.
void* get_proc_address(ggml_backend_reg_t, const char* name) {
    if (std::strcmp(name, "ggml_backend_set_n_threads") == 0) {
        return reinterpret_cast<void*>(&set_device_backend_threads);
    }
    if (std::strcmp(name, "ggml_backend_set_abort_callback") == 0) {
        return reinterpret_cast<void*>(&set_device_backend_abort_callback);
    }
    return nullptr;
}

bool is_host(const DeviceSpec& spec) { return spec.kind == DeviceKind::host; }

constexpr ggml_backend_reg_i registry_interface = {
    [](ggml_backend_reg_t) { return "Hexcore"; },
    [](ggml_backend_reg_t registry) { return machine_of(registry).size(); },
    [](ggml_backend_reg_t registry, std::size_t index) {
        return machine_of(registry).device(DeviceId(index)).handle();
    },
    get_proc_address,
};

}  // namespace

Result<std::unique_ptr<Device>> make_device(Machine& machine, ggml_backend_reg_t registry,
                                            DeviceId id, const DeviceSpec& spec,
                                            Commitment commitment) {
    switch (spec.kind) {
        case DeviceKind::host:
            return std::make_unique<HostDevice>(machine, registry, id, spec, commitment);
        case DeviceKind::cuda:
        case DeviceKind::rpc:
            break;
    }
    HEXCORE_TRY(inner, find_inner_device(spec));
    return std::make_unique<WrappedDevice>(machine, registry, id, spec, commitment, inner);
}

Machine::Machine(std::vector<DeviceSpec> specs, DeviceMaker maker)
    : specs_(std::move(specs)),
      maker_(std::move(maker)),
      registry_{GGML_BACKEND_API_VERSION, registry_interface, this},
      host_("host memory", Bytes(std::numeric_limits<std::uint64_t>::max())) {}

Result<std::unique_ptr<Machine>> Machine::create(const std::vector<DeviceSpec>& specs,
                                                 Commitment commitment, DeviceMaker maker) {
    std::unique_ptr<Machine> machine(new Machine(specs, std::move(maker)));
    for (const DeviceSpec& spec : specs) {
        const DeviceId id(machine->devices_.size());
        HEXCORE_TRY(device, machine->maker_(*machine, &machine->registry_, id, spec, commitment));
        machine->devices_.push_back(std::move(device));
    }
    machine->claimed_.resize(specs.size());
    if (commitment == Commitment::committed) {
        machine->tell(machine->host_, {});
        for (const auto& device : machine->devices_) {
            machine->tell(device->memory().ledger(), device->memory().budget().limit());
        }
    }
    return machine;
}

void Machine::tell(Ledger& ledger, Bytes total) {
    tellers_.push_back(std::make_unique<LedgerTeller>(total));
    ledger.add_sink(*tellers_.back());
}

bool Machine::all_host() const { return std::all_of(specs_.begin(), specs_.end(), is_host); }

bool Machine::has_host() const { return std::any_of(specs_.begin(), specs_.end(), is_host); }

Machine::User::User(Machine& machine, std::string name) : machine_(machine) {
    const std::lock_guard lock(machine_.users_mutex_);
    position_ = machine_.users_.insert(machine_.users_.end(), std::move(name));
}

Machine::User::~User() {
    const std::lock_guard lock(machine_.users_mutex_);
    machine_.users_.erase(position_);
}

std::vector<std::string> Machine::users() const {
    const std::lock_guard lock(users_mutex_);
    return {users_.begin(), users_.end()};
}

Machine::Holder::Holder(Machine& machine, std::string name, std::function<void()> give_back)
    : machine_(machine), name_(std::move(name)), give_back_(std::move(give_back)) {
    machine_.holders_.push_back(this);
}

Machine::Holder::~Holder() { std::erase(machine_.holders_, this); }

std::vector<std::string> Machine::give_back_unused() {
    HEXCORE_CHECK(users().empty(), users().size(), "use what is to be given back");
    std::vector<std::string> names;
    for (Holder* holder : holders_) {
        if (const auto give_back = std::exchange(holder->give_back_, {})) {
            give_back();
            names.push_back(holder->name_);
        }
    }
    return names;
}

void Machine::reset_statistics() {
    for (const auto& device : devices_) {
        device->reset_statistics();
    }
    host_.reset_statistics();
}

Result<Machine::Overheads> Machine::take_overheads() {
    Overheads taken;
    for (const auto& device : devices_) {
        if (device->overhead() > Bytes{}) {
            HEXCORE_TRY(block,
                        device->memory().take_elsewhere(device->overhead(), Purpose::staging));
            taken.push_back(std::move(block));
        }
    }
    return taken;
}

Result<Machine::ExpertCaches> Machine::take_expert_caches(
    const std::vector<PlannedDevice>& planned) {
    HEXCORE_CHECK(planned.size() <= size(), planned.size(), size());
    ExpertCaches taken;
    for (std::size_t i = 0; i < planned.size(); ++i) {
        if (const std::uint32_t slots = planned[i].expert_cache_slots; slots > 0) {
            const Bytes slot(planned[i].planned.expert_cache.count() / slots);
            HEXCORE_TRY(cache, ExpertCacheMemory::take(device(DeviceId(i)), slot, slots));
            taken.push_back(std::move(cache));
        }
    }
    return taken;
}

Result<void> Machine::place_experts(const Placement& placement, const Inventory* inventory) {
    HEXCORE_TRY_VOID(check_computable(*this, placement));
    for (std::size_t home = 0; home < claimed_.size(); ++home) {
        HEXCORE_CHECK(!claimed_[home], home, "still has experts loaded");
    }
    layout_ = inventory == nullptr ? ExpertLayout(placement, size())
                                   : ExpertLayout(*inventory, placement, size());
    return {};
}

bool Machine::allows_buffer(DeviceId id) {
    if (!expected_) {
        return true;
    }
    auto expected = expected_->check(*this, id);
    if (!expected) {
        device(id).memory().ledger().refuse(std::move(expected.error()));
    }
    return expected.has_value();
}

bool Machine::claim_arenas(DeviceId home) {
    const bool first = !claimed_[home.value()];
    claimed_[home.value()] = true;
    return first;
}

void Machine::release_arenas(DeviceId home) { claimed_[home.value()] = false; }

std::optional<Error> Machine::last_refusal() {
    std::optional<Error> first;
    for (const auto& device : devices_) {
        if (auto refusal = device->memory().ledger().last_refusal(); refusal && !first) {
            first = std::move(refusal);
        }
    }
    return first;
}

}  // namespace hexcore
