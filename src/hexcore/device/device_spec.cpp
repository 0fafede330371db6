#include "hexcore/device/device_spec.hpp"

#include <algorithm>
#include <set>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

constexpr const char* forms = "write host=SIZE, cuda:N, cuda:N=SIZE, rpc:HOST:PORT[=SIZE] or SIZE";

/// One `--device` argument taken apart; what depends on the machine is still open.
struct Request {
    std::string_view argument;
    bool bare = false;  ///< a size alone, which becomes a GPU or a host device
    DeviceKind kind = DeviceKind::host;
    std::uint32_t cuda_index = 0;
    std::string_view endpoint = {};
    std::optional<Bytes> size = {};
};

Result<void> check_endpoint(std::string_view argument, std::string_view endpoint) {
    const std::size_t colon = endpoint.rfind(':');
    const std::string_view host = endpoint.substr(0, colon);
    // ggml's RPC client knows no IPv6 addresses.
    const bool host_is_plain = !host.empty() && host.find_first_of(":[] ") == std::string::npos;
    const auto port = whole_number<std::uint16_t>(endpoint.substr(colon + 1));
    if (colon == std::string_view::npos || !host_is_plain || port.value_or(0) == 0) {
        return fail(ErrorCode::usage,
                    "device {}: '{}' is not HOST:PORT with a name or an IPv4 address and a port "
                    "from 1 to 65535; write for example rpc:192.168.0.7:50052=16GiB",
                    argument, endpoint);
    }
    return {};
}

/// A size of a few bytes is one whose unit was forgotten.
Result<Bytes> parse_budget(std::string_view argument, std::string_view text) {
    HEXCORE_TRY(size, parse_bytes(text));
    const bool has_unit = text.find_first_not_of("0123456789.") != std::string_view::npos;
    if (!has_unit && size > Bytes{} && size < 64_KiB) {
        const std::string_view before = argument.substr(0, argument.size() - text.size());
        return fail(ErrorCode::usage,
                    "{} without a unit is {} bytes, which hold no model; write {}{}MiB or {}{}GiB",
                    text, size.count(), before, text, before, text);
    }
    return size;
}

Result<Request> parse(std::string_view argument) {
    Request request{.argument = argument};
    if (argument.find(',') != std::string_view::npos) {
        return fail(ErrorCode::usage, {{Change::one_device_each}},
                    "device {}: this is to name one device", argument);
    }
    const std::size_t equals = argument.rfind('=');
    const std::string_view target = argument.substr(0, equals);
    if (equals != std::string_view::npos) {
        auto size = parse_budget(argument, argument.substr(equals + 1));
        if (!size) {
            return fail(ErrorCode::usage, "device {}: {}", argument, size.error().message);
        }
        request.size = *size;
    }
    if (target == "host") {
        if (!request.size) {
            return fail(ErrorCode::usage,
                        "device {}: a host device needs a size; write for example host=320MiB",
                        argument);
        }
        return request;
    }
    if (target.starts_with("cuda:")) {
        request.kind = DeviceKind::cuda;
        const auto index = whole_number<std::uint32_t>(target.substr(5));
        if (!index) {
            return fail(ErrorCode::usage,
                        "device {}: '{}' is not a GPU number; write for example cuda:0", argument,
                        target.substr(5));
        }
        request.cuda_index = *index;
        return request;
    }
    if (target.starts_with("rpc:")) {
        request.kind = DeviceKind::rpc;
        request.endpoint = target.substr(4);
        HEXCORE_TRY_VOID(check_endpoint(argument, request.endpoint));
        return request;
    }
    if (!parse_bytes(argument)) {
        return fail(ErrorCode::usage, "device {}: neither a device nor a size; {}", argument,
                    forms);
    }
    const auto size = parse_budget(argument, argument);
    if (!size) {
        return fail(ErrorCode::usage, "device {}: {}", argument, size.error().message);
    }
    request.bare = true;
    request.size = *size;
    return request;
}

std::string gpus_of(const MachineMemory& machine) {
    std::string list;
    for (const MachineMemory::Gpu& gpu : machine.gpus) {
        list += fmt::format("{}cuda:{} ({})", list.empty() ? "" : ", ", gpu.index,
                            to_string(gpu.total));
    }
    return list.empty() ? "no GPU" : list;
}

const MachineMemory::Gpu* find_gpu(const MachineMemory& machine, std::uint32_t index) {
    const auto found = std::find_if(machine.gpus.begin(), machine.gpus.end(),
                                    [&](const auto& gpu) { return gpu.index == index; });
    return found == machine.gpus.end() ? nullptr : &*found;
}

/// Remembers which GPUs and servers are taken, so that none is budgeted twice.
class Resolver {
public:
    Resolver(std::optional<Bytes> reserve, const MachineMemory& machine)
        : reserve_(reserve), machine_(machine) {}

    /// Marks what the argument names; bare sizes get what is left over by the others.
    Result<void> claim(const Request& request) {
        if (request.kind == DeviceKind::cuda && !claimed_gpus_.insert(request.cuda_index).second) {
            return fail(ErrorCode::usage,
                        "device {}: cuda:{} is named twice; name each GPU once, with the sum of "
                        "what it may use",
                        request.argument, request.cuda_index);
        }
        if (request.kind == DeviceKind::rpc &&
            !claimed_endpoints_.insert(request.endpoint).second) {
            return fail(ErrorCode::usage, "device {}: this server is named twice; name it once",
                        request.argument);
        }
        return {};
    }

    Result<DeviceSpec> resolve(const Request& request) {
        switch (request.bare && !machine_.gpus.empty() ? DeviceKind::cuda : request.kind) {
            case DeviceKind::host:
                return host(*request.size);
            case DeviceKind::rpc:
                return rpc(request);
            case DeviceKind::cuda:
                break;
        }
        return request.bare ? next_gpu(request) : gpu(request, request.cuda_index);
    }

    Result<DeviceSpec> host(Bytes budget) {
        DeviceSpec spec{.kind = DeviceKind::host,
                        .name = fmt::format("host{}", next_host_++),
                        .measured = machine_.measured_host};
        HEXCORE_TRY_VOID(check_limit(spec.name, budget));
        HEXCORE_TRY_VOID(give_budget(spec, budget, reserve_));
        return spec;
    }

    /// A host device with all that is free.
    Result<DeviceSpec> whole_host() {
        return host(std::min(machine_.host_available,
                             limit_of(machine_.limits, "host0").value_or(machine_.host_available)));
    }

    Result<DeviceSpec> gpu(const Request& request, std::uint32_t index) {
        const MachineMemory::Gpu* card = find_gpu(machine_, index);
        if (card == nullptr) {
            return fail(ErrorCode::missing_device,
                        "device {}: there is no cuda:{} here, this machine has {}; `hexcore "
                        "devices` lists what can be used and says why others cannot",
                        request.argument, index, gpus_of(machine_));
        }
        if (request.size && *request.size > card->total) {
            return fail(ErrorCode::does_not_fit,
                        "device {}: a budget of {} is {} bytes more than the {} that cuda:{} "
                        "has; lower it or leave it out to use the {} that are free",
                        request.argument, to_string(*request.size),
                        (*request.size - card->total).count(), to_string(card->total), index,
                        to_string(card->free));
        }
        DeviceSpec spec{.kind = DeviceKind::cuda,
                        .name = fmt::format("cuda:{}", index),
                        .cuda_index = index,
                        .gpu_name = card->name,
                        .measured = card->measured};
        const Bytes most =
            std::min(card->free, limit_of(machine_.limits, spec.name).value_or(card->free));
        HEXCORE_TRY_VOID(check_limit(spec.name, request.size.value_or(most)));
        HEXCORE_TRY_VOID(give_budget(spec, request.size.value_or(most), reserve_));
        return spec;
    }

private:
    [[nodiscard]] Result<void> check_limit(const std::string& device, Bytes budget) const {
        const auto limit = limit_of(machine_.limits, device);
        if (limit && budget > *limit) {
            return fail(ErrorCode::does_not_fit,
                        {{Change::set_budget, device, fmt::format("{}", limit->count())}},
                        "{} is to have {}, and this program runs within a limit of {} for it",
                        device, to_string(budget), to_string(*limit));
        }
        return {};
    }
    Result<DeviceSpec> next_gpu(const Request& request) {
        for (const MachineMemory::Gpu& card : machine_.gpus) {
            if (claimed_gpus_.insert(card.index).second) {
                return gpu(request, card.index);
            }
        }
        return fail(ErrorCode::missing_device,
                    "device {}: a bare size takes the next GPU, and all of this machine's are "
                    "taken ({}); write host={} for a capped host device",
                    request.argument, gpus_of(machine_), request.argument);
    }

    Result<DeviceSpec> rpc(const Request& request) {
        DeviceSpec spec{.kind = DeviceKind::rpc,
                        .name = fmt::format("rpc:{}", request.endpoint),
                        .endpoint = std::string(request.endpoint)};
        if (request.size) {
            HEXCORE_TRY_VOID(give_budget(spec, *request.size, reserve_));
        }
        return spec;
    }

    std::optional<Bytes> reserve_;
    const MachineMemory& machine_;
    std::uint32_t next_host_ = 0;
    std::set<std::uint32_t> claimed_gpus_;
    std::set<std::string_view> claimed_endpoints_;
};

}  // namespace

const char* to_string(DeviceKind kind) {
    switch (kind) {
        case DeviceKind::host:
            return "host";
        case DeviceKind::cuda:
            return "cuda";
        case DeviceKind::rpc:
            return "rpc";
    }
    HEXCORE_CHECK(false, static_cast<int>(kind), "unknown kind of device");
    return "";
}

Result<DeviceName> parse_device_name(std::string_view name) {
    const auto after = [&name](std::string_view prefix) {
        return name.starts_with(prefix) ? std::optional(name.substr(prefix.size())) : std::nullopt;
    };
    const auto index_after = [&after](std::string_view prefix) {
        const auto digits = after(prefix);
        return digits ? whole_number<std::uint32_t>(*digits) : std::nullopt;
    };
    if (const auto endpoint = after("rpc:"); endpoint && check_endpoint(name, *endpoint)) {
        return DeviceName{.kind = DeviceKind::rpc, .endpoint = std::string(*endpoint)};
    }
    if (const auto index = index_after("cuda:")) {
        return DeviceName{.kind = DeviceKind::cuda, .index = *index};
    }
    if (const auto index = index_after("host")) {
        return DeviceName{.kind = DeviceKind::host, .index = *index};
    }
    return fail(ErrorCode::bad_input,
                "'{}' is no device; devices of a plan are host0, host1 and so on, cuda:N or "
                "rpc:HOST:PORT",
                name);
}

Result<void> give_budget(DeviceSpec& spec, Bytes budget, std::optional<Bytes> reserve) {
    const Bytes kept = reserve.value_or(default_reserve(budget));
    if (kept >= budget) {
        return fail(ErrorCode::does_not_fit,
                    {{Change::raise_budget, spec.name}, {Change::lower_reserve}},
                    "{} has a budget of {} and {} of it are to be kept free, which leaves nothing",
                    spec.name, to_string(budget), to_string(kept));
    }
    spec.budget = budget;
    spec.reserve = kept;
    return {};
}

Result<std::vector<DeviceSpec>> resolve_devices(const std::vector<std::string>& arguments,
                                                std::optional<Bytes> reserve,
                                                const MachineMemory& machine) {
    Resolver resolver(reserve, machine);
    std::vector<DeviceSpec> specs;
    if (arguments.empty()) {
        for (const MachineMemory::Gpu& card : machine.gpus) {
            HEXCORE_TRY(spec, resolver.gpu(Request{}, card.index));
            specs.push_back(std::move(spec));
        }
        if (machine.gpus.empty()) {
            HEXCORE_TRY(spec, resolver.whole_host());
            specs.push_back(std::move(spec));
        }
        return specs;
    }
    std::vector<Request> requests;
    for (const std::string& argument : arguments) {
        HEXCORE_TRY(request, parse(argument));
        HEXCORE_TRY_VOID(resolver.claim(request));
        requests.push_back(request);
    }
    for (const Request& request : requests) {
        HEXCORE_TRY(spec, resolver.resolve(request));
        specs.push_back(std::move(spec));
    }
    return specs;
}

}  // namespace hexcore
