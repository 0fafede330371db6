#include "hexcore/backend/experts/expected_weights.hpp"

#include "hexcore/backend/machine.hpp"

namespace hexcore {

Result<void> ExpectedWeights::check(const Machine& machine, DeviceId device) {
    std::vector<Usage> loaded;
    Bytes held;
    Bytes expected;
    for (std::size_t i = 0; i < machine.size(); ++i) {
        loaded.push_back(machine.device(DeviceId(i)).memory().accounted());
        held += loaded[i].weights + loaded[i].experts;
        expected += planned_[i].weights + planned_[i].experts;
    }
    const std::lock_guard lock(mutex_);
    is_found_ = is_found_ && held > Bytes{};
    if (is_found_ || loaded[device.value()].weights == Bytes{}) {
        return {};
    }
    for (std::size_t i = 0; i < loaded.size(); ++i) {
        const Usage& now = loaded[i];
        const Usage& planned = planned_[i];
        if (now.weights != planned.weights || now.experts != planned.experts) {
            return fail(ErrorCode::bad_input, {{Change::start_as_planned}},
                        "{}: {} holds {} bytes of weights and {} of experts now, and the plan has "
                        "{} and {}",
                        held == expected ? "the layers are elsewhere than in the plan"
                                         : "the plan is for another model, or for other "
                                           "layers on the devices",
                        machine.device(DeviceId(i)).name(), now.weights.count(),
                        now.experts.count(), planned.weights.count(), planned.experts.count());
        }
    }
    is_found_ = true;
    return {};
}

}  // namespace hexcore
