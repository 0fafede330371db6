#include "hexcore/cli/shipped_file.hpp"

#include <system_error>

#include "hexcore/cli/locations.hpp"

namespace hexcore {

std::optional<std::filesystem::path> shipped_file(const std::filesystem::path& name) {
    std::error_code error;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    for (const auto& place : {folder, folder / library_folder}) {
        auto path = (place / name).lexically_normal();
        if (std::filesystem::exists(path, error)) {
            return path;
        }
    }
    return std::nullopt;
}

}  // namespace hexcore
