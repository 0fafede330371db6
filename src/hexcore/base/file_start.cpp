#include "hexcore/base/file_start.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

bool begins_with(const std::filesystem::path& file, std::string_view bytes) {
    struct stat facts {};
    // Before it is opened, which some devices take for a beginning of something.
    if (::stat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
        return false;
    }
    const FileDescriptor open(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::string start(bytes.size(), '\0');
    return open.is_open() &&
           open.read_at(start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
           start == bytes;
}

}  // namespace hexcore
