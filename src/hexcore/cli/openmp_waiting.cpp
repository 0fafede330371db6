#include "hexcore/cli/openmp_waiting.hpp"

#include <cstdlib>

#include "hexcore/process/restart.hpp"

namespace hexcore {

void bound_openmp_waiting(char** arguments) {
    if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
        return;
    }
    // libgomp's own number where it has more threads than cores; otherwise it spins 300 times as
    // long, and does not see that other programs want the cores too. docs/limits.md has figures.
    constexpr const char* spins = "1000";
    restart_with_variable("GOMP_SPINCOUNT", spins, arguments);
}

}  // namespace hexcore
