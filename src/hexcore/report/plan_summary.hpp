#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/base/ids.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// The sentences that the table and the picture of a plan share.

/// "mixtral-8x7b (llama), policy balanced".
[[nodiscard]] std::string plan_title(const Plan& plan);
/// "32 layers, 8 experts a layer, 2 used for each token; weights 24.50 GiB, experts 23.62 GiB".
[[nodiscard]] std::string model_sentence(const Plan& plan);
/// "4096 tokens in 1 sequence, f16 KV cache, batches of up to 512 tokens".
[[nodiscard]] std::string context_sentence(const Plan& plan);
/// "up to 256 MiB of host memory, then 1.00 GiB of files, for sessions that make room"; empty where
/// the plan does not say.
[[nodiscard]] std::string parking_sentence(const Plan& plan);
/// Whether the planned bytes are exact or an estimate, and why.
[[nodiscard]] std::string basis_sentence(const Plan& plan);
/// "balanced 5.05 ms (this plan), fastest 4.98 ms, layers does not fit"; empty where nothing was
/// modelled.
[[nodiscard]] std::string times_sentence(const Plan& plan);
/// The layers of a device as "0-13", "7" or "none".
[[nodiscard]] std::string layer_range(const Plan& plan, DeviceId device);
/// The routed experts of a device over those of all devices; 0 where there are none.
[[nodiscard]] double experts_share(const Plan& plan, DeviceId device);
/// The routed experts of a device over those of the device that has the fewest, but any: 1 there.
/// 0 for a device without experts.
[[nodiscard]] double experts_ratio(const Plan& plan, DeviceId device);
/// Whether the output norm and head are on this device: it has the last layer.
[[nodiscard]] bool has_output(const Plan& plan, DeviceId device);
/// Whether any layer has routed experts.
[[nodiscard]] bool has_experts(const Plan& plan);
/// Whether anything is planned for that purpose, on a device or in host memory.
[[nodiscard]] bool is_planned(const Plan& plan, Purpose purpose);
/// "KV cache"; other purposes by their name.
[[nodiscard]] std::string shown_name(Purpose purpose);
/// How many of `experts` each device holds; `n_devices` entries.
[[nodiscard]] std::vector<std::uint32_t> count_by_device(const std::vector<DeviceId>& experts,
                                                         std::size_t n_devices);
/// The entry with the highest count, the first among equals.
[[nodiscard]] DeviceId most_frequent(const std::vector<std::uint32_t>& counts);

}  // namespace hexcore
