#include "hexcore/cage/spawn_supervisor.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "hexcore/process/child_start.hpp"
#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr const char* supervisor_file = "hexcore-supervisor";

/// The settings of posix_spawn, freed at the end.
class SpawnSettings {
public:
    SpawnSettings() {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    void fill(const SupervisorStart& start) {
        // One that is connected to itself stays open, under its number.
        ::posix_spawn_file_actions_adddup2(&actions_, start.control, start.control);
        if (start.place == CagePlace::foreground) {
            ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
            ::posix_spawnattr_setsigmask(&attributes_, start.held_signals);
            return;
        }
        ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, start.output, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions_, start.output, STDERR_FILENO);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Result<pid_t> spawn_supervisor(const SupervisorStart& start) {
    SpawnSettings settings;
    settings.fill(start);
    std::vector<std::string> words{supervisor_file};
    words.insert(words.end(), start.words.begin(), start.words.end());
    std::vector<std::string> environment = start.environment;
    pid_t pid = 0;
    const int why =
        ::posix_spawn(&pid, start.program.c_str(), settings.actions(), settings.attributes(),
                      pointers_to(words).data(), pointers_to(environment).data());
    if (why == ENOENT || why == EACCES) {
        return fail(ErrorCode::usage, "{} cannot be started: {}", start.program.string(),
                    std::strerror(why));
    }
    if (why != 0) {
        return tl::unexpected(refused_process(why));
    }
    return pid;
}

Result<fs::path> find_supervisor(const fs::path& wanted) {
    if (!wanted.empty()) {
        return wanted;
    }
    if (const auto shipped = shipped_file(supervisor_file)) {
        return *shipped;
    }
    std::vector<fs::path> folders;
    Dl_info library{};
    if (::dladdr(reinterpret_cast<void*>(&find_supervisor), &library) != 0 &&
        library.dli_fname != nullptr) {
        const fs::path beside = fs::path(library.dli_fname).parent_path();
        folders.insert(folders.end(), {beside, beside / "hexcore"});
    }
    const char* variable = std::getenv("PATH");
    std::string_view path = variable != nullptr ? variable : "";
    while (!path.empty()) {
        const std::size_t end = path.find(':');
        folders.emplace_back(path.substr(0, end));
        path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
    }
    for (const fs::path& folder : folders) {
        fs::path file = (folder / supervisor_file).lexically_normal();
        if (folder.is_absolute() && ::access(file.c_str(), X_OK) == 0) {
            return file;
        }
    }
    return fail(ErrorCode::usage,
                "{} is missing, which watches over what runs in a cage; it lies beside the program "
                "or with Hexcore's libraries where Hexcore is whole",
                supervisor_file);
}

}  // namespace hexcore
