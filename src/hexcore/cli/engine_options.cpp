#include "hexcore/cli/engine_options.hpp"

#include "hexcore/cli/terminal.hpp"

namespace hexcore {

EngineOptions engine_options(bool exact, const Plan& plan) {
    EngineOptions engine{.parking = ParkingOptions::of(plan)};
    engine.parking.tell = complain;
    engine.equality = exact ? Equality::exact : Equality::close;
    return engine;
}

}  // namespace hexcore
