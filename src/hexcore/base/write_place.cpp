#include "hexcore/base/write_place.hpp"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hexcore {
namespace {

namespace fs = std::filesystem;

bool is_link(const fs::path& path) {
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 && S_ISLNK(facts.st_mode);
}

/// Such a link is to what a process has open, whatever name or none that has.
bool is_in_proc(const fs::path& path) {
    struct statfs volume {};
    return ::statfs(folder_of_file(path).c_str(), &volume) == 0 &&
           volume.f_type == PROC_SUPER_MAGIC;
}

/// Follows the links that lead to a file, or to where one can be made.
Result<WritePlace> followed(WritePlace place) {
    constexpr int most_links = 40;  // as many as the kernel follows
    const fs::path given = place.path;
    for (int links = 0; is_link(place.path); ++links) {
        if (links == most_links) {
            errno = ELOOP;
            return cannot_write(given);
        }
        if (place.kind == WritePlace::Kind::file && is_in_proc(place.path)) {
            place.kind = WritePlace::Kind::stream;
            return place;
        }
        std::error_code error;
        const fs::path target = fs::read_symlink(place.path, error);
        if (error) {
            errno = error.value();
            return cannot_write(given);
        }
        place.path = place.path.parent_path() / target;
    }
    return place;
}

}  // namespace

Result<WritePlace> write_place(const fs::path& path) {
    WritePlace place;
    place.path = path;
    struct stat facts {};
    // Followed by the kernel first, which refuses others' links in a folder that is everybody's.
    if (::stat(path.c_str(), &facts) != 0) {
        if (errno != ENOENT) {
            return cannot_write(path);
        }
        return followed(std::move(place));
    }
    if (!S_ISREG(facts.st_mode)) {
        place.kind = S_ISDIR(facts.st_mode) ? WritePlace::Kind::folder : WritePlace::Kind::stream;
        return place;
    }
    place.kind = WritePlace::Kind::file;
    place.mode = facts.st_mode & 0777U;
    place.owner = facts.st_uid;
    place.group = facts.st_gid;
    return followed(std::move(place));
}

fs::path folder_of_file(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

tl::unexpected<Error> cannot_write(const fs::path& path) {
    const int why = errno;
    std::error_code error;
    const fs::path folder = folder_of_file(path);
    if (why == ENOENT && !fs::exists(folder, error)) {
        return fail(ErrorCode::negative, "cannot write {}: there is no folder {}; make it first",
                    path.string(), folder.string());
    }
    return fail(ErrorCode::negative, "cannot write {}: {}", path.string(), std::strerror(why));
}

}  // namespace hexcore
