#include "hexcore/process/shipped_file.hpp"

#include <system_error>

namespace hexcore {

std::filesystem::path own_program() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error);
}

std::optional<std::filesystem::path> shipped_file(const std::filesystem::path& name) {
    const auto folder = own_program().parent_path();
    for (const auto& place : {folder, folder / HEXCORE_LIBRARY_FROM_BIN}) {
        std::error_code error;
        auto path = (place / name).lexically_normal();
        if (place.is_absolute() && std::filesystem::exists(path, error)) {
            return path;
        }
    }
    return std::nullopt;
}

}  // namespace hexcore
