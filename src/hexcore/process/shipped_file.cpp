#include "hexcore/process/shipped_file.hpp"

#include <system_error>

namespace hexcore {

std::filesystem::path own_program() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error);
}

std::vector<std::filesystem::path> shipped_places(const std::filesystem::path& name) {
    const auto folder = own_program().parent_path();
    std::vector<std::filesystem::path> places;
    for (const auto& place : {folder, folder / HEXCORE_LIBRARY_FROM_BIN}) {
        if (place.is_absolute()) {
            places.push_back((place / name).lexically_normal());
        }
    }
    return places;
}

std::optional<std::filesystem::path> shipped_file(const std::filesystem::path& name) {
    for (const auto& path : shipped_places(name)) {
        std::error_code error;
        if (std::filesystem::exists(path, error)) {
            return path;
        }
    }
    return std::nullopt;
}

}  // namespace hexcore
