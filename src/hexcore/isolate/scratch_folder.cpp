#include "hexcore/isolate/scratch_folder.hpp"

#include <fstream>
#include <string>
#include <system_error>

namespace hexcore {

Result<void> make_scratch(const std::filesystem::path& folder) {
    std::error_code error;
    if (!std::filesystem::create_directory(folder, error) && error) {
        return fail(ErrorCode::does_not_fit,
                    "the test's folder {} cannot be made ({}); make room, or set TMPDIR",
                    folder.string(), error.message());
    }
    constexpr std::size_t size_of_a_report = 8192;
    const std::filesystem::path file = folder / "room";
    std::ofstream written(file, std::ios::binary);
    written << std::string(size_of_a_report, ' ');
    written.close();
    const bool has_room = !written.fail();
    std::filesystem::remove(file, error);
    if (!has_room) {
        std::filesystem::remove(folder, error);
        return fail(ErrorCode::does_not_fit,
                    "there is no room for the test's files in {}; make room, or set TMPDIR",
                    folder.parent_path().string());
    }
    return {};
}

void remove_scratch(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
}

}  // namespace hexcore
