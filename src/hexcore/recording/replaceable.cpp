#include "hexcore/recording/replaceable.hpp"

#include <system_error>

#include "hexcore/base/file_start.hpp"

namespace hexcore {
namespace {

/// Of any version.
bool is_recording(const std::filesystem::path& path) { return begins_with(path, "hexcore.hxr/"); }

bool has_content(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) &&
           std::filesystem::file_size(path, error) > 0;
}

}  // namespace

Result<void> replaceable_by_recording(const std::filesystem::path& path) {
    if (has_content(path) && !is_recording(path)) {
        return fail(ErrorCode::usage,
                    "{} is there and is no recording; name another file, or remove it first",
                    path.string());
    }
    return {};
}

Result<void> replaceable_by_report(const std::filesystem::path& path) {
    const char* loss = is_recording(path)          ? "a recording"
                       : begins_with(path, "GGUF") ? "a model"
                                                   : nullptr;
    if (loss != nullptr) {
        return fail(ErrorCode::usage,
                    "{} is there and is {}; name another file, or remove it first", path.string(),
                    loss);
    }
    return {};
}

}  // namespace hexcore
