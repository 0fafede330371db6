#include "hexcore/base/runtime_home.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace hexcore {
namespace {

bool is_own_folder(const char* path) {
    struct stat facts {};
    return ::stat(path, &facts) == 0 && S_ISDIR(facts.st_mode) && facts.st_uid == ::geteuid();
}

}  // namespace

std::filesystem::path runtime_home() {
    const char* runtime = ::secure_getenv("XDG_RUNTIME_DIR");
    if (runtime != nullptr && *runtime == '/' && is_own_folder(runtime)) {
        return std::filesystem::path(runtime) / "hexcore";
    }
    // A job of cron has no such variable and shall meet those of the desktop.
    const std::string of_system = fmt::format("/run/user/{}", ::geteuid());
    if (is_own_folder(of_system.c_str())) {
        return std::filesystem::path(of_system) / "hexcore";
    }
    return fmt::format("/tmp/hexcore-{}", ::geteuid());
}

bool make_private_folder(const std::filesystem::path& path) {
    ::mkdir(path.c_str(), 0700);
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
           facts.st_uid == ::geteuid() && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace hexcore
