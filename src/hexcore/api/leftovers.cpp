#include "hexcore/api/leftovers.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <system_error>

#include "hexcore/api/examination_request.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/process/end_process.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

// A process with the number in its name may be in another namespace, where it cannot be seen.
constexpr std::time_t unfinished_after_s = 60;
constexpr std::chrono::milliseconds end_deadline{5'000};

/// Of a regular file; 0 of anything else.
Bytes size_of_file(const fs::path& file) {
    struct stat facts {};
    return ::lstat(file.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)
               ? Bytes(static_cast<std::uint64_t>(facts.st_size))
               : Bytes();
}

/// Of the regular files in a folder and below.
Bytes size_of(const fs::path& folder) {
    Bytes sum;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        sum += size_of_file(entry->path());
    }
    return sum;
}

/// The size of a file that MeasuredDevices::write() began and nobody is going to finish.
std::optional<Bytes> unfinished_size(const fs::path& file, const std::string& stem) {
    const std::string name = file.filename().string();
    if (!name.starts_with(stem + ".")) {
        return std::nullopt;
    }
    const auto pid = whole_number<std::uint32_t>(std::string_view(name).substr(stem.size() + 1));
    struct stat facts {};
    if (!pid || ::lstat(file.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_uid != ::geteuid() || facts.st_mtime + unfinished_after_s > std::time(nullptr) ||
        ::kill(static_cast<pid_t>(*pid), 0) == 0 || errno != ESRCH) {
        return std::nullopt;
    }
    return Bytes(static_cast<std::uint64_t>(facts.st_size));
}

std::optional<std::uint32_t> parent_of(const ProcRoot& root, const std::string& folder) {
    const auto status = root.read_if_there(folder + "/status");
    std::string_view text = status && *status ? std::string_view(**status) : std::string_view();
    while (!text.empty()) {
        std::string_view line = take_line(text);
        if (take_word(line) == "PPid:") {
            return whole_number<std::uint32_t>(take_word(line));
        }
    }
    return std::nullopt;
}

/// A process of this program that works for another.
struct Helper {
    LeftoverKind kind = LeftoverKind::examination;
    std::string path;          ///< of the file that it examines, or whose model it has
    std::uint32_t parent = 0;  ///< for whom
};

/// What the words behind a program's name make of it; nothing where it works for nobody.
std::optional<Helper> helper_of(const std::vector<std::string>& words) {
    const auto request = ExaminationRequest::parse(words);
    if (request && *request) {
        return Helper{LeftoverKind::examination, (*request)->model.string(),
                      static_cast<std::uint32_t>((*request)->parent)};
    }
    constexpr std::size_t with_worker = 3;
    if (words.size() < with_worker || words[0] != "serve" || words[1] != worker_mark()) {
        return std::nullopt;
    }
    const auto parent = whole_number<std::uint32_t>(words[2]);
    if (!parent) {
        return std::nullopt;
    }
    const auto model = std::ranges::find_if(
        words, [](const std::string& word) { return word.ends_with(".gguf"); });
    return Helper{LeftoverKind::worker, model == words.end() ? "" : *model, *parent};
}

/// What process works for one that has ended; nothing where it is not such a process.
std::optional<Helper> helper_for_nobody(const ProcRoot& root, std::uint32_t pid) {
    const std::string folder = fmt::format("/proc/{}", pid);
    struct stat facts {};
    if (::stat(root.path(folder).c_str(), &facts) != 0 || facts.st_uid != ::geteuid()) {
        return std::nullopt;
    }
    std::vector<std::string> words = command_words(root, folder);
    if (words.empty()) {
        return std::nullopt;
    }
    words.erase(words.begin());
    auto helper = helper_of(words);
    const auto program = root.read_link(folder + "/exe");
    if (!helper || !program || !fs::path(*program).filename().string().starts_with("hexcore")) {
        return std::nullopt;
    }
    // In another namespace its parent has another number than it was told.
    const auto parent = parent_of(root, folder);
    const auto own = root.read_link("/proc/self/ns/pid");
    if (!parent || *parent == helper->parent || !own || root.read_link(folder + "/ns/pid") != own) {
        return std::nullopt;
    }
    return helper;
}

bool is_noted(const fs::path& file, const LeftoverPlaces& places) {
    const auto noted = noted_private_files(places.notes);
    return std::find(noted.begin(), noted.end(), file) != noted.end();
}

Result<void> end_leftover(const Leftover& left, const LeftoverPlaces& places) {
    switch (left.kind) {
        case LeftoverKind::parked:
            return remove_left_state_folder(left.path);
        case LeftoverKind::unfinished:
            if (is_noted(left.path, places)) {
                return remove_left_private_file(left.path);
            }
            if (!unfinished_size(left.path, places.measured.filename().string())) {
                return fail(ErrorCode::negative, "{} is another file by now", left.path);
            }
            if (::unlink(left.path.c_str()) != 0) {
                return fail(ErrorCode::negative, "cannot remove {}: {}", left.path,
                            std::generic_category().message(errno));
            }
            return {};
        case LeftoverKind::watch:
            return remove_left_watch_folder(left.path);
        case LeftoverKind::examination:
        case LeftoverKind::worker: {
            const auto is_it = [&] {
                const auto helper = helper_for_nobody(places.root, *left.pid);
                return helper && helper->kind == left.kind && helper->path == left.path;
            };
            return end_process(static_cast<pid_t>(*left.pid), is_it, end_deadline);
        }
    }
    HEXCORE_CHECK(false, "unknown kind", static_cast<int>(left.kind));
}

}  // namespace

const char* worker_mark() { return "--worker-of"; }

FolderSpace parking_space(const fs::path& folder) {
    FolderSpace space = probe_folder_space(folder.string());
    if (space.free) {
        for (const fs::path& left : left_state_folders(folder)) {
            *space.free += size_of(left);
        }
    }
    return space;
}

std::vector<Leftover> find_left_parking(const fs::path& parking) {
    std::vector<Leftover> found;
    for (const fs::path& folder : left_state_folders(parking)) {
        found.push_back({LeftoverKind::parked, folder.string(), {}, size_of(folder)});
    }
    return found;
}

std::vector<Leftover> find_leftovers(const LeftoverPlaces& places) {
    std::vector<Leftover> found = find_left_parking(places.parking);
    std::error_code error;
    const std::string stem = places.measured.filename().string();
    for (fs::directory_iterator entry(places.measured.parent_path(), error), end;
         !error && entry != end; entry.increment(error)) {
        if (const auto size = unfinished_size(entry->path(), stem)) {
            found.push_back({LeftoverKind::unfinished, entry->path().string(), {}, *size});
        }
    }
    for (const fs::path& file : noted_private_files(places.notes)) {
        found.push_back({LeftoverKind::unfinished, file.string(), {}, size_of_file(file)});
    }
    for (const fs::path& folder : left_watch_folders(places.watches)) {
        found.push_back({LeftoverKind::watch, folder.string(), {}, size_of(folder)});
    }
    for (fs::directory_iterator entry(places.root.path("/proc"), error), end;
         !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        const auto pid = whole_number<std::uint32_t>(name);
        if (const auto helper = pid ? helper_for_nobody(places.root, *pid) : std::nullopt) {
            found.push_back({helper->kind, helper->path, *pid,
                             memory_of_process(places.root, name).value_or(Bytes())});
        }
    }
    std::sort(found.begin(), found.end(), [](const Leftover& a, const Leftover& b) {
        return a.kind != b.kind ? a.kind < b.kind : a.path < b.path;
    });
    return found;
}

void end_leftovers(std::vector<Leftover>& leftovers, const LeftoverPlaces& places) {
    for (Leftover& left : leftovers) {
        const auto ended = end_leftover(left, places);
        left.ended = ended.has_value();
        left.problem = ended ? "" : ended.error().message;
    }
}

}  // namespace hexcore
