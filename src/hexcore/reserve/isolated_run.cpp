#include "hexcore/reserve/isolated_run.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/device/own_memory.hpp"
#include "hexcore/reserve/cage_drive.hpp"
#include "hexcore/reserve/forked_work.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

// Threads that libraries keep, and what remains of a torn heap.
constexpr Bytes own_tolerance = 8_MiB;

/// A folder for a command's temporary files, removed with all that is in it.
class ScratchFolder {
public:
    [[nodiscard]] static Result<ScratchFolder> make() {
        std::error_code error;
        std::string name = (fs::temp_directory_path(error) / "hexcore-run-XXXXXX").string();
        if (error || ::mkdtemp(name.data()) == nullptr) {
            return fail(ErrorCode::does_not_fit,
                        "no folder for temporary files can be made in {}: {}; free space there or "
                        "name another one in TMPDIR",
                        fs::path(name).parent_path().string(),
                        error ? error.message() : std::strerror(errno));
        }
        return ScratchFolder(name);
    }
    ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    ScratchFolder& operator=(ScratchFolder&&) = delete;
    ~ScratchFolder() {
        if (!path_.empty()) {
            std::error_code error;
            fs::remove_all(path_, error);
        }
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
    fs::path path_;
};

std::vector<std::string> environment_with(const std::vector<std::string>& more) {
    std::vector<std::string> all;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        bool is_replaced = false;
        for (const std::string& other : more) {
            const std::string_view name = std::string_view(other).substr(0, other.find('=') + 1);
            is_replaced = is_replaced || (!name.empty() && text.starts_with(name));
        }
        if (!is_replaced) {
            all.emplace_back(text);
        }
    }
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

}  // namespace

const char* to_string(IsolatedMemory memory) {
    switch (memory) {
        case IsolatedMemory::clean:
            return "clean";
        case IsolatedMemory::residue:
            return "residue";
        case IsolatedMemory::unattributable:
            return "unattributable";
    }
    return "";
}

Result<IsolatedRun> run_in_cage(CageYard& yard, const IsolatedCommand& command,
                                const IsolatedLimits& limits, const Looker& look) {
    if (command.words.empty()) {
        return fail(ErrorCode::usage, "there is no command to run; give the program first");
    }
    HEXCORE_TRY(scratch, ScratchFolder::make());
    HEXCORE_TRY(proof, MemoryProof::begin(limits, look));
    HEXCORE_TRY(cage, yard.start({.words = command.words,
                                  .environment = environment_with(command.more_variables),
                                  .folder = command.folder,
                                  .scratch = scratch.path()},
                                 limits.cage));
    HEXCORE_TRY_VOID(drive(*cage, limits, nullptr));
    IsolatedRun run{.outcome = cage->outcome()};
    HEXCORE_TRY_VOID(proof.end(run));
    return run;
}

Result<IsolatedRun> run_in_cage(CageYard& yard, const IsolatedFunction& function,
                                const IsolatedLimits& limits, const Looker& look) {
    if (!function.work) {
        return fail(ErrorCode::usage, "there is no function to run");
    }
    HEXCORE_TRY(adopted, yard.prepare(limits.cage, {}));
    HEXCORE_TRY(work, ForkedWork::start(adopted, function.work));
    // Not before: what is forked afterwards could not use the GPUs that are looked at here.
    HEXCORE_TRY(proof, MemoryProof::begin(limits, look));
    IsolatedRun run;
    HEXCORE_TRY(written, drive(*adopted.cage, limits, &work.pipes()));
    run.outcome = adopted.cage->outcome();
    if (run.succeeded()) {
        run.result = work.whole_result(written);
    }
    HEXCORE_TRY_VOID(proof.end(run));
    return run;
}

Result<IsolatedRun> run_here(const IsolatedFunction& function) {
    if (!function.work) {
        return fail(ErrorCode::usage, "there is no function to run");
    }
    IsolatedRun run{.apart = false};
    give_back_free_pages();
    const Bytes before = own_memory().value_or(Bytes{});
    run.outcome.began = true;
    run.result = function.work();
    give_back_free_pages();
    const Bytes after = own_memory().value_or(Bytes{});
    run.proof = {{"this process", before, after}};
    run.memory = after > before + own_tolerance ? IsolatedMemory::residue : IsolatedMemory::clean;
    return run;
}

}  // namespace hexcore
