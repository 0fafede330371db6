#include "hexcore/process/restart.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace hexcore {

void restart_with_variable(const char* name, const char* value, char** arguments) {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (!error && ::setenv(name, value, 0) == 0) {
        ::execv(program.c_str(), arguments);
    }
}

}  // namespace hexcore
