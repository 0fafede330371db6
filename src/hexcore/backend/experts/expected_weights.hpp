#pragma once

#include <mutex>
#include <vector>

#include "hexcore/base/ids.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

class Machine;

/// Whether a model that a program loads by itself is the one that a plan was made for.
///
/// libllama takes one buffer for the weights of a device, calls it one of weights, and goes on to
/// the next device; contexts come after all of them. So where an ordinary buffer is asked for on a
/// device that has its weights, those of all devices are complete and can be compared.
class ExpectedWeights {
public:
    /// `planned` has an entry for each device, of which weights and experts count.
    explicit ExpectedWeights(std::vector<Usage> planned) : planned_(std::move(planned)) {}

    /// To be asked before an ordinary buffer is taken on `device`. Fails with
    /// ErrorCode::bad_input, from then on each time, while another model than the planned one is
    /// loaded. What is loaded besides the right one (adapters, a second model) is not looked at.
    [[nodiscard]] Result<void> check(const Machine& machine, DeviceId device);

private:
    const std::vector<Usage> planned_;
    std::mutex mutex_;
    bool is_found_ = false;  ///< the planned model, and something of it is still there
};

}  // namespace hexcore
