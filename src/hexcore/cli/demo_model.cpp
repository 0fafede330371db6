#include "hexcore/cli/demo_model.hpp"

#include <system_error>

#include "hexcore/base/state_home.hpp"

namespace hexcore {

Result<std::filesystem::path> find_demo_model() {
    // As tools/demo_model.py calls it; its stamp comes last.
    constexpr const char* name = "smollm2-8x135m.q4_1.gguf";
    const std::filesystem::path home = cache_home();
    const std::filesystem::path file = home / name;
    std::error_code error;
    if (home.empty() || !std::filesystem::exists(file.string() + ".stamp", error) ||
        !std::filesystem::exists(file, error)) {
        return fail(ErrorCode::usage,
                    "no model is named, and the demo model is not there{}; name a GGUF file with "
                    "--model FILE, or make the demo model with ./dev model in a clone of Hexcore",
                    home.empty() ? "" : " (" + file.string() + ")");
    }
    return file;
}

}  // namespace hexcore
