#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/backend/inner_device.hpp"
#include "hexcore/device/device_spec.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "support/rpc_server.hpp"

namespace hexcore {

inline void PrintTo(DeviceKind kind, std::ostream* out) {
    *out << (kind == DeviceKind::host ? "host" : kind == DeviceKind::rpc ? "rpc" : "cuda");
}

}  // namespace hexcore

namespace hexcore::test {

/// For the names of tests.
inline std::string name_of(DeviceKind kind) { return ::testing::PrintToString(kind); }

/// Two devices of given kinds for a test: RPC devices have a server each, which runs as long as
/// this object; GPUs are cuda:0, then cuda:1. A machine's only GPU is shown as two, by an
/// environment variable that ggml reads when its CUDA backend is loaded.
class DevicePair {
public:
    DevicePair(DeviceKind first, DeviceKind second) : kinds_{first, second} {
        if (has(DeviceKind::cuda) && probe_gpus().gpus.size() == 1) {
            ::setenv("GGML_CUDA_DEVICES", "2", 0);
        }
        for (const DeviceKind kind : kinds_) {
            servers_.push_back(kind == DeviceKind::rpc ? std::make_unique<RpcServer>() : nullptr);
        }
    }

    /// Fails, saying what is missing, where this machine has no such device.
    [[nodiscard]] Result<std::vector<DeviceSpec>> specs(Bytes budget, Bytes reserve = {}) const {
        std::vector<DeviceSpec> specs;
        for (std::size_t i = 0; i < kinds_.size(); ++i) {
            DeviceSpec spec;
            spec.kind = kinds_[i];
            spec.budget = budget;
            spec.reserve = reserve;
            if (spec.kind == DeviceKind::host) {
                spec.name = fmt::format("host{}", i);
            } else if (spec.kind == DeviceKind::cuda) {
                spec.cuda_index = i == 1 && kinds_[0] == DeviceKind::cuda ? 1 : 0;
                spec.name = fmt::format("cuda:{}", spec.cuda_index);
                HEXCORE_TRY_VOID(find_inner_device(spec));
            } else {
                spec.endpoint = servers_[i]->endpoint();
                spec.name = "rpc:" + spec.endpoint;
                if (!servers_[i]->is_up()) {
                    return fail(ErrorCode::missing_device, "ggml-rpc-server does not start");
                }
            }
            specs.push_back(std::move(spec));
        }
        return specs;
    }

    /// The same with room for a model's buffers and what a driver keeps for itself beside them.
    /// Fails for two GPUs on a machine with one, too: a load asks the driver what is free on each.
    [[nodiscard]] Result<std::vector<DeviceSpec>> specs_for_model(Bytes buffers) const {
        if (kinds_[0] == DeviceKind::cuda && kinds_[1] == DeviceKind::cuda &&
            probe_gpus().gpus.size() < 2) {
            return fail(ErrorCode::missing_device, "this machine has no two GPUs");
        }
        HEXCORE_TRY(made, specs(buffers));
        for (DeviceSpec& spec : made) {
            if (spec.kind == DeviceKind::cuda) {
                HEXCORE_TRY(gpu, find_inner_device(spec));
                spec.budget += gpu.context + gpu.pools;
            }
        }
        return made;
    }

    [[nodiscard]] bool has(DeviceKind kind) const { return kinds_[0] == kind || kinds_[1] == kind; }
    /// Kills the server of a device.
    void stop_server(std::size_t device) { servers_[device]->stop(); }

private:
    std::vector<DeviceKind> kinds_;
    std::vector<std::unique_ptr<RpcServer>> servers_;  ///< [device], null for other kinds
};

}  // namespace hexcore::test
