#include "hexcore/cli/openmp_waiting.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace hexcore {

void bound_openmp_waiting(char** arguments) {
    if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) {
        return;
    }
    // libgomp's own number where it has more threads than cores; otherwise it spins 300 times as
    // long, and does not see that other programs want the cores too. docs/limits.md has figures.
    constexpr const char* spins = "1000";
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error && setenv("GOMP_SPINCOUNT", spins, 0) == 0) {
        execv(program.c_str(), arguments);
    }
}

}  // namespace hexcore
