#include "hexcore/cli/tellers.hpp"

#include <cstdlib>
#include <string>

#include "hexcore/cli/locations.hpp"
#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

constexpr int keep = 0;
constexpr int replace = 1;

/// First in the list: it imports what it is before.
void put_before_python_path(const std::string& folder) {
    constexpr const char* variable = "PYTHONPATH";
    const char* others = std::getenv(variable);
    // An empty entry would be the folder where a program runs.
    const bool is_alone = others == nullptr || *others == '\0';
    ::setenv(variable, (is_alone ? folder : folder + ":" + others).c_str(), replace);
}

}  // namespace

Result<void> let_programs_tell(PythonHook python) {
    if (const auto injection = shipped_file(nvtx_injection_file)) {
        ::setenv("NVTX_INJECTION64_PATH", injection->c_str(), keep);
    }
    // By which a program that hides GPUs from itself finds out what their numbers are here.
    if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
        ::setenv("HEXCORE_WATCH_GPUS", visible, replace);
    } else {
        ::unsetenv("HEXCORE_WATCH_GPUS");
    }
    if (python == PythonHook::on) {
        const auto start = shipped_file(python_start_folder);
        if (!start) {
            return fail(ErrorCode::usage,
                        "the Python package of Hexcore is neither beside the program nor with its "
                        "libraries; without --python the command is watched all the same");
        }
        put_before_python_path(*start);
    }
    return {};
}

}  // namespace hexcore
