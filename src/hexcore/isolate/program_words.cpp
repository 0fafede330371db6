#include "hexcore/isolate/program_words.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>
#include <system_error>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

/// What GoogleTest and Catch2 leave in a binary, linked in or as a library that it needs.
constexpr std::array<std::string_view, 6> framework_words = {"tests written using Google Test",
                                                             "libgtest",
                                                             "_ZN7testing",
                                                             "Catch2 v",
                                                             "Catch v2",
                                                             "_ZN5Catch"};

/// As execvp() finds it; empty: not at all.
std::string found_in_path(const std::string& program) {
    if (program.find('/') != std::string::npos) {
        return program;
    }
    const char* variable = std::getenv("PATH");
    std::string_view folders = variable == nullptr ? "/usr/bin:/bin" : variable;
    while (!folders.empty()) {
        const std::size_t end = std::min(folders.find(':'), folders.size());
        const std::filesystem::path path = std::filesystem::path(folders.substr(0, end)) / program;
        if (::access(path.c_str(), X_OK) == 0) {
            return path.string();
        }
        folders.remove_prefix(std::min(end + 1, folders.size()));
    }
    return {};
}

}  // namespace

bool may_have_tests(const std::string& program) {
    const FileDescriptor file(found_in_path(program).c_str());
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_size == 0) {
        return true;  // what cannot be started says so itself
    }
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory == MAP_FAILED) {
        return true;
    }
    const std::string_view bytes(static_cast<const char*>(memory), size);
    const bool may =
        !bytes.starts_with(
            "\x7F"
            "ELF") ||
        std::ranges::any_of(framework_words, [bytes](std::string_view words) {
            const std::boyer_moore_horspool_searcher searcher(words.begin(), words.end());
            return std::search(bytes.begin(), bytes.end(), searcher) != bytes.end();
        });
    ::munmap(memory, size);
    return may;
}

}  // namespace hexcore
