#include "hexcore/process/restart.hpp"

#include <unistd.h>

#include <cstdlib>

#include "hexcore/process/shipped_file.hpp"

namespace hexcore {

void restart_with_variable(const char* name, const char* value, char** arguments) {
    const auto program = own_program();
    if (!program.empty() && ::setenv(name, value, 0) == 0) {
        ::execv(program.c_str(), arguments);
    }
}

}  // namespace hexcore
