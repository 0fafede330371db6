#pragma once

#include <optional>

#include "hexcore/base/told.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// A change in terms of the plugin's variables and its program's options.
[[nodiscard]] const char* in_variables(const Remedy& remedy);

/// Why a device of a program was refused something, as one paragraph. `held` is what it has so far.
/// Where there is a plan, names the options that it was made for of those that can be at fault.
[[nodiscard]] std::string told_refusal(const Error& why, const std::optional<Plan>& plan,
                                       DeviceId device, const Usage& held);

}  // namespace hexcore
