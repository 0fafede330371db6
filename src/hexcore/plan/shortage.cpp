// How many bytes are missing: found by planning with more of them, then with fewer.

#include <algorithm>

#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

constexpr int max_raises = 4;
constexpr int max_reductions = 6;

/// What one device takes beyond what it may hold, in the plan that is found with `more` bytes
/// there; nothing where there is none.
Result<std::optional<Bytes>> beyond_with(Bytes more, const PlanRequest& request, std::size_t device,
                                         Trials& trials) {
    PlanRequest raised = request;
    raised.devices[device].budget += more;
    HEXCORE_TRY(tried, run_rounds(raised, trials, Rounds::probe));
    if (!tried) {
        return std::optional<Bytes>();
    }
    return std::optional(saturating_subtract(tried->plan.devices[device].planned.total(),
                                             request.devices[device].usable()));
}

}  // namespace

Result<Shortage> measure_shortage(const PlanRequest& request, Trials& trials,
                                  const NotFitting& why) {
    Shortage shortage{why.device, why.missing};
    const DeviceFacts& device = request.devices[why.device];
    const Bytes usable_from = saturating_subtract(device.reserve, device.budget);
    const auto beyond = [&](Bytes more) {
        return beyond_with(more + usable_from, request, why.device, trials);
    };
    Bytes more = why.missing;
    for (int i = 0; i < max_raises && !shortage.enough; ++i) {
        HEXCORE_TRY(found, beyond(more));
        if (found) {
            shortage.enough = true;
            shortage.missing = std::min(more, std::max(*found, 1_B));
        } else {
            more *= 2;
        }
    }
    // A plan that was found with more room may be overlooked with exactly its own.
    Bytes sure = more;
    Bytes too_few;
    for (int i = 0; i < max_reductions && shortage.enough; ++i) {
        if (shortage.missing < sure) {
            HEXCORE_TRY(same, beyond(shortage.missing));
            if (!same) {
                break;
            }
            sure = shortage.missing;
        }
        HEXCORE_TRY(one_less, beyond(sure - 1_B));
        if (!one_less) {
            shortage.proven = true;
            break;
        }
        const Bytes reduced = std::min(*one_less, sure - 1_B);
        const Bytes middle = too_few + Bytes(saturating_subtract(reduced, too_few).count() / 2);
        HEXCORE_TRY(halved, beyond(middle));
        too_few = halved ? too_few : middle;
        shortage.missing = halved ? std::min(*halved, middle) : reduced;
    }
    shortage.missing = shortage.enough ? sure : why.missing;
    return shortage;
}

const char* certainty(const Shortage& shortage) {
    return shortage.proven ? "" : shortage.enough ? "about " : "at least about ";
}

}  // namespace hexcore
