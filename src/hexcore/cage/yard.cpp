#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/cage/cage.hpp"
#include "hexcore/cage/caged_command.hpp"
#include "hexcore/cage/spawn_supervisor.hpp"
#include "hexcore/cage/supervisor_server.hpp"
#include "hexcore/cage/yard_cells.hpp"
#include "hexcore/device/cgroup_events.hpp"
#include "hexcore/process/child_start.hpp"
#include "hexcore/watch/ended_by.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr const char* mark_variable = "HEXCORE_CAGE";

/// Two descriptors that no program inherits unless it is given one.
struct Ends {
    FileDescriptor ours;
    FileDescriptor theirs;
};

/// Another number, which a command is not likely to have been given itself, where there is one.
FileDescriptor moved_up(int descriptor) {
    constexpr int from = 200;
    const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, from);
    if (moved < 0) {  // a process may have fewer
        return FileDescriptor(descriptor);
    }
    ::close(descriptor);
    return FileDescriptor(moved);
}

Result<Ends> control_socket() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return tl::unexpected(refused_process(errno));
    }
    Ends sockets{FileDescriptor(ends[0]), moved_up(ends[1])};
    if (!sockets.theirs.is_open()) {
        return tl::unexpected(refused_process(errno));
    }
    return sockets;
}

Result<Ends> output_pipe() {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return tl::unexpected(refused_process(errno));
    }
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    return Ends{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void set_variable(std::vector<std::string>& environment, std::string_view name,
                  std::string_view value) {
    std::erase_if(environment, [&](const std::string& variable) {
        return variable.starts_with(name) && variable.substr(name.size(), 1) == "=";
    });
    environment.push_back(fmt::format("{}={}", name, value));
}

/// `tmp` in there, made unless it is there; nothing in nothing.
fs::path temporary_folder_in(const fs::path& scratch) {
    std::error_code error;
    if (scratch.empty()) {
        return {};
    }
    fs::path folder = fs::absolute(scratch, error) / "tmp";
    fs::create_directory(folder, error);
    return folder;
}

class ProcessYard final : public CageYard {
public:
    ProcessYard(fs::path supervisor, Guards guards, std::unique_ptr<YardCells> cells)
        : supervisor_(std::move(supervisor)),
          guards_(std::move(guards)),
          cells_(std::move(cells)),
          events_(cgroup_events()) {
        // Where a supervisor is killed, what it watched over comes here.
        ::prctl(PR_GET_CHILD_SUBREAPER, &was_subreaper_);
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::pthread_sigmask(SIG_SETMASK, nullptr, &held_signals_);
    }
    ~ProcessYard() override;

    [[nodiscard]] const Guards& guards() const override { return guards_; }
    [[nodiscard]] Result<std::unique_ptr<Cage>> start(const CageCommand& command,
                                                      const CageLimits& limits) override;
    [[nodiscard]] Result<AdoptedCage> prepare(const CageLimits& limits,
                                              const AdoptedFiles& files) override;

private:
    [[nodiscard]] std::vector<std::string> words_for(const ControlCell* cell, int control) const;
    [[nodiscard]] CageParts parts(const CageLimits& limits, std::unique_ptr<ControlCell> cell,
                                  FileDescriptor control, FileDescriptor output);
    void describe(const CageCommand& command, const CageLimits& limits, const fs::path& temporary,
                  SupervisorStart& start) const;
    [[nodiscard]] Result<pid_t> start_supervisor(const SupervisorStart& start);
    void reap();
    [[nodiscard]] bool dropped_have_ended() const;
    void wake_server(std::uint64_t server, std::chrono::steady_clock::duration waited);
    [[nodiscard]] static Result<FreshSupervisor> start_anew(SupervisorStart start);
    [[nodiscard]] KilledBy who_killed();

    fs::path supervisor_;
    Guards guards_;
    std::unique_ptr<YardCells> cells_;
    std::unique_ptr<SupervisorServer> server_;  ///< null: not needed yet
    std::uint64_t servers_ = 0;                 ///< how many there have been
    std::vector<CgroupEvents> events_;
    sigset_t held_signals_{};
    std::vector<pid_t> ending_;          ///< supervisors that nobody has waited for
    std::list<FileDescriptor> dropped_;  ///< handles of supervisors of cages that were dropped
    int was_subreaper_ = 0;
    std::uint64_t started_ = 0;
};

ProcessYard::~ProcessYard() {
    // They end as soon as what they watch over has; one that hangs is left.
    constexpr int looks = 2000;
    for (int look = 0; look < looks; ++look) {
        reap();
        if (ending_.empty() && dropped_have_ended()) {
            break;
        }
        ::poll(nullptr, 0, 1);
    }
    if (was_subreaper_ == 0) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    }
}

/// Supervisors of cages that nobody waited for.
bool ProcessYard::dropped_have_ended() const {
    return std::all_of(dropped_.begin(), dropped_.end(), [](const FileDescriptor& handle) {
        pollfd file{handle.get(), POLLIN, 0};
        return !handle.is_open() || ::poll(&file, 1, 0) > 0;
    });
}

/// One that does not make a supervisor for so long hangs, or is stopped again and again. With it
/// end the sockets of those that it was to make, which are started without it then.
void ProcessYard::wake_server(std::uint64_t server, std::chrono::steady_clock::duration waited) {
    constexpr std::chrono::seconds server_patience{5};
    if (server_ == nullptr || server != servers_) {
        return;
    }
    if (waited > server_patience) {
        server_.reset();
    } else {
        server_->wake();
    }
}

Result<FreshSupervisor> ProcessYard::start_anew(SupervisorStart start) {
    HEXCORE_TRY(control, control_socket());
    HEXCORE_TRY(output, output_pipe());
    HEXCORE_CHECK(start.words.at(0) == "--control", start.words.at(0), "--control");
    start.control = control.theirs.get();
    start.output = output.theirs.get();
    start.words.at(1) = std::to_string(start.control);
    HEXCORE_TRY(pid, spawn_supervisor(start));
    return FreshSupervisor{std::move(control.ours), std::move(output.ours), pid};
}

void ProcessYard::reap() {
    std::erase_if(ending_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

KilledBy ProcessYard::who_killed() {
    std::vector<CgroupEvents> now = cgroup_events();
    const KilledBy by = ended_by(events_, now).killed_by;
    events_ = std::move(now);
    return by;
}

std::vector<std::string> ProcessYard::words_for(const ControlCell* cell, int control) const {
    std::vector<std::string> words{"--control", std::to_string(control)};
    if (cell == nullptr) {
        return words;
    }
    for (const std::string& file : cell->process_files()) {
        words.insert(words.end(), {"--group", file});
    }
    for (const std::string& folder : cell->folders()) {
        words.insert(words.end(), {"--yard", fs::path(folder).parent_path().string()});
    }
    if (const std::string file = cell->kill_file(); !file.empty()) {
        words.insert(words.end(), {"--kill", file});
    }
    return words;
}

CageParts ProcessYard::parts(const CageLimits& limits, std::unique_ptr<ControlCell> cell,
                             FileDescriptor control, FileDescriptor output) {
    return {.limits = limits,
            .cell = std::move(cell),
            .control = std::move(control),
            .output = std::move(output),
            .supervisor = 0,
            .program = {},
            .give_back =
                [this](std::unique_ptr<ControlCell> used, pid_t supervisor,
                       std::optional<FileDescriptor> handle) {
                    cells_->give_back(std::move(used));
                    if (supervisor > 0) {
                        ending_.push_back(supervisor);
                    } else if (handle) {
                        dropped_.push_back(*std::move(handle));
                    }
                    reap();
                },
            .who_killed = [this] { return who_killed(); }};
}

/// What of the words depends on the command, and its environment in here.
void ProcessYard::describe(const CageCommand& command, const CageLimits& limits,
                           const fs::path& temporary, SupervisorStart& start) const {
    start.environment = command.environment;
    const auto add = [&](const char* option, const std::string& value) {
        start.words.insert(start.words.end(), {option, value});
    };
    if (!limits.devices.empty()) {
        set_variable(start.environment, device_limits_variable, device_limits_text(limits.devices));
    }
    if (!temporary.empty()) {
        set_variable(start.environment, "TMPDIR", temporary.string());
        add("--scratch", temporary.parent_path().string());
    }
    // What starts it may have been started elsewhere.
    std::error_code error;
    add("--folder", command.folder.empty() ? fs::current_path(error).string()
                                           : fs::absolute(command.folder, error).string());
    if (limits.data_limit && limits.memory) {
        add("--data-limit", std::to_string(limits.memory->count()));
    }
    if (guards_.share == ShareGuard::namespaces && command.shares == CageShares::own) {
        start.words.emplace_back("--own-shares");
    }
    if (command.place == CagePlace::foreground) {
        start.words.emplace_back("--foreground");
    }
    if (command.keeps) {
        start.words.emplace_back("--keep");
    }
    start.words.emplace_back("--");
    start.words.insert(start.words.end(), command.words.begin(), command.words.end());
}

Result<std::unique_ptr<Cage>> ProcessYard::start(const CageCommand& command,
                                                 const CageLimits& limits) {
    HEXCORE_CHECK(!command.words.empty(), command.words.size(), 1);
    HEXCORE_TRY_VOID(check_limits(limits));
    HEXCORE_TRY(cell, cells_->take(limits));
    HEXCORE_TRY(control, control_socket());
    HEXCORE_TRY(output, output_pipe());
    fs::path temporary = temporary_folder_in(command.scratch);
    SupervisorStart start{.program = supervisor_,
                          .words = words_for(cell.get(), control.theirs.get()),
                          .environment = {},
                          .control = control.theirs.get(),
                          .output = output.theirs.get(),
                          .place = command.place,
                          .can_be_ready = command.shares == CageShares::own && !command.keeps,
                          .held_signals = &held_signals_};
    describe(command, limits, temporary, start);
    const std::string mark = fmt::format("{}.{}", ::getpid(), ++started_);
    set_variable(start.environment, mark_variable, mark);
    HEXCORE_TRY(pid, start_supervisor(start));
    const bool is_apart = command.place == CagePlace::apart;
    CageParts made = parts(limits, std::move(cell), std::move(control.ours),
                           is_apart ? std::move(output.ours) : FileDescriptor(-1));
    made.supervisor = pid;
    if (pid == 0) {
        made.wait_for_supervisor = [this, server = servers_](auto waited) {
            wake_server(server, waited);
        };
        made.start_anew = [start] { return start_anew(start); };
    }
    made.program = command.words.front();
    made.temporary = std::move(temporary);
    made.untold_prefix = command.untold_prefix;
    made.keeps = command.keeps;
    made.on_output = command.on_output;
    made.mark = fmt::format("{}={}", mark_variable, mark);
    return std::make_unique<CagedCommand>(std::move(made));
}

/// Its pid, where it is a child of this process; 0: it will say.
Result<pid_t> ProcessYard::start_supervisor(const SupervisorStart& start) {
    // Those that are ready have shares of their own, and end with their command.
    if (start.place == CagePlace::apart && start.can_be_ready) {
        if (server_ != nullptr && server_->has_ended()) {
            server_.reset();
        }
        if (server_ == nullptr) {
            server_ = SupervisorServer::start(supervisor_, guards_.share);
            ++servers_;
        }
        if (server_ != nullptr &&
            server_->fork_supervisor(start.words, start.environment, start.control, start.output)) {
            return 0;
        }
    }
    return spawn_supervisor(start);
}

Result<AdoptedCage> ProcessYard::prepare(const CageLimits& limits, const AdoptedFiles& files) {
    HEXCORE_TRY_VOID(check_limits(limits));
    HEXCORE_TRY(cell, cells_->take(limits));
    HEXCORE_TRY(control, control_socket());
    HEXCORE_TRY(output, output_pipe());
    constexpr int control_number = 3;
    std::vector<std::string> words = words_for(cell.get(), control_number);
    words.insert(words.begin(), supervisor_.string());
    const fs::path temporary = temporary_folder_in(files.scratch);
    if (!temporary.empty()) {
        words.insert(words.end(), {"--scratch", temporary.parent_path().string()});
    }
    words.insert(words.end(), {"--adopt", "{PID}"});
    CageParts made =
        parts(limits, std::move(cell), std::move(control.ours), std::move(output.ours));
    made.program = "the worker";
    made.is_adopted = true;
    made.temporary = temporary;
    made.untold_prefix = files.untold_prefix;
    AdoptedCage adopted{.cage = std::make_unique<CagedCommand>(std::move(made)),
                        .words = std::move(words),
                        .descriptors = {},
                        .numbers = {control_number},
                        .output = std::move(output.theirs)};
    adopted.descriptors.push_back(std::move(control.theirs));
    return adopted;
}

/// Tried out, since what is allowed in a container is not to be seen from outside.
std::optional<std::string> why_no_own_shares() {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool works = ::unshare(CLONE_NEWNS | CLONE_NEWIPC) == 0 &&
                           ::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) == 0 &&
                           ::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID, "mode=1777") == 0;
        ::_exit(works ? 0 : errno);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return "Whether namespaces can be made could not be tried out.";
    }
    if (WEXITSTATUS(status) == 0) {
        return std::nullopt;
    }
    return fmt::format(
        "Shared memory is told apart by looking at processes, not by namespaces, "
        "which need the rights of root: {}.",
        std::strerror(WEXITSTATUS(status)));
}

}  // namespace

Result<std::unique_ptr<CageYard>> CageYard::open(const YardOptions& options) {
    HEXCORE_TRY(supervisor, find_supervisor(options.supervisor));
    Guards guards;
    HEXCORE_TRY(cells, YardCells::open({.memory = options.memory, .kill = options.kill}, guards));
    if (options.share != ShareGuard::observation) {
        if (auto why_not = why_no_own_shares()) {
            if (options.share) {
                return fail(ErrorCode::missing_device, "{}", *why_not);
            }
            guards.why.push_back(*std::move(why_not));
        } else {
            guards.share = ShareGuard::namespaces;
        }
    }
    return std::make_unique<ProcessYard>(std::move(supervisor), std::move(guards),
                                         std::move(cells));
}

}  // namespace hexcore
