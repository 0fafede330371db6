#include "hexcore/cage/doctor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <string_view>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/marked_processes.hpp"
#include "hexcore/cage/spawn_supervisor.hpp"
#include "hexcore/device/gpu_meter.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using Answer = GuardProof::Answer;
using std::chrono::milliseconds;

/// Longer than any guard takes on a busy machine.
constexpr std::chrono::seconds patience{30};
constexpr Bytes memory_limit = 64_MiB;
/// By which all that comes of a misdeed is known.
constexpr const char* doctor_variable = "HEXCORE_DOCTOR";

class Doctor {
public:
    Doctor(CageYard& yard, const DoctorOptions& options, std::filesystem::path supervisor)
        : yard_(yard),
          options_(options),
          supervisor_(std::move(supervisor)),
          mark_(fmt::format("{}={}.{}", doctor_variable, ::getpid(),
                            Clock::now().time_since_epoch().count())) {}

    [[nodiscard]] GuardProof too_much(const char* guard, const char* misdeed,
                                      const char* mebibytes);
    [[nodiscard]] GuardProof shared_memory();
    [[nodiscard]] GuardProof escape();
    [[nodiscard]] GuardProof forking();
    [[nodiscard]] GuardProof hang();
    [[nodiscard]] GuardProof killed_runner();
    [[nodiscard]] GuardProof gpus() const;

private:
    [[nodiscard]] std::vector<std::string> words(const char* misdeed, const char* number) const {
        return {supervisor_.string(), "--misdeed", misdeed, number};
    }
    /// Runs a misdeed until it is over; `act` is asked at each turn. Null, and why, where it never
    /// was the program or takes for ever.
    [[nodiscard]] const CageOutcome* run(const char* misdeed, const char* number,
                                         const CageLimits& limits, GuardProof& proof,
                                         const std::function<void(Cage&)>& act = nullptr);
    /// Waits until nothing has the mark any more.
    [[nodiscard]] bool is_gone(GuardProof& proof) const;

    CageYard& yard_;
    const DoctorOptions& options_;
    std::filesystem::path supervisor_;
    std::string mark_;
    std::unique_ptr<Cage> cage_;
};

const CageOutcome* Doctor::run(const char* misdeed, const char* number, const CageLimits& limits,
                               GuardProof& proof, const std::function<void(Cage&)>& act) {
    auto started = yard_.start({.words = words(misdeed, number), .environment = {mark_}}, limits);
    if (!started) {
        proof.answer = Answer::fails;
        proof.note = started.error().message;
        return nullptr;
    }
    cage_ = *std::move(started);
    const Clock::time_point give_up = Clock::now() + patience;
    while (!cage_->step()) {
        if (Clock::now() > give_up) {
            proof.answer = Answer::fails;
            proof.note = "it never came to an end";
            return nullptr;
        }
        if (act != nullptr) {
            act(*cage_);
        }
        cage_->sample();
        std::vector<pollfd> files;
        for (const int file : cage_->descriptors()) {
            files.push_back({file, POLLIN, 0});
        }
        const auto wait = std::min(cage_->next_sample_in(), milliseconds(20));
        (void)::poll(files.data(), files.size(), static_cast<int>(wait.count()));
    }
    if (!cage_->outcome().began) {
        proof.answer = Answer::fails;
        proof.note = cage_->outcome().problem;
        return nullptr;
    }
    return &cage_->outcome();
}

bool Doctor::is_gone(GuardProof& proof) const {
    const Clock::time_point give_up = Clock::now() + patience;
    while (!processes_marked(mark_).empty()) {
        if (Clock::now() > give_up) {
            proof.answer = Answer::fails;
            proof.note = "processes of it still run";
            return false;
        }
        ::poll(nullptr, 0, 1);
    }
    return true;
}

GuardProof Doctor::too_much(const char* guard, const char* misdeed, const char* mebibytes) {
    GuardProof proof{.guard = guard, .how = to_string(yard_.guards().memory)};
    const CageOutcome* outcome = run(misdeed, mebibytes, {.memory = memory_limit}, proof);
    if (outcome == nullptr || !is_gone(proof)) {
        return proof;
    }
    if (!outcome->breach) {
        proof.answer = Answer::fails;
        proof.note = fmt::format("{} MiB were taken within a limit of {}", mebibytes,
                                 to_string(memory_limit));
        return proof;
    }
    proof.answer = Answer::holds;
    // What the kernel says of a single process counts its program's file, too.
    proof.overshoot = saturating_subtract(outcome->breach->used, memory_limit);
    proof.took = outcome->duration;
    return proof;
}

GuardProof Doctor::shared_memory() {
    GuardProof proof{.guard = "shared memory left", .how = to_string(yard_.guards().share)};
    const CageOutcome* outcome = run("leave-segment", "1", {}, proof);
    if (outcome == nullptr) {
        return proof;
    }
    const bool told =
        std::any_of(outcome->residues.begin(), outcome->residues.end(), [](const Residue& residue) {
            return residue.kind == Residue::Kind::shared_memory && residue.is_gone;
        });
    const std::string file = fmt::format("/dev/shm/hexcore-doctor-{}", cage_->pid());
    const bool is_left = ::access(file.c_str(), F_OK) == 0;
    ::unlink(file.c_str());
    if (!told && is_left && yard_.guards().share == ShareGuard::observation) {
        proof.answer = Answer::absent;
        proof.note = "what a process makes and leaves between two samples is not known to be its";
    } else {
        proof.answer = told && !is_left ? Answer::holds : Answer::fails;
    }
    return proof;
}

GuardProof Doctor::escape() {
    GuardProof proof{.guard = "daemons", .how = to_string(yard_.guards().kill)};
    const Clock::time_point start = Clock::now();
    const CageOutcome* outcome = run("escape", "8", {}, proof);
    if (outcome == nullptr || !is_gone(proof)) {
        return proof;
    }
    const auto count = std::count_if(
        outcome->residues.begin(), outcome->residues.end(),
        [](const Residue& left) { return left.kind == Residue::Kind::process && left.is_gone; });
    proof.answer = count == 8 ? Answer::holds : Answer::fails;
    proof.took = Clock::now() - start - outcome->duration;
    return proof;
}

GuardProof Doctor::forking() {
    const bool is_limited = yard_.guards().limits_processes;
    GuardProof proof{
        .guard = "fork bomb",
        .how = fmt::format("{}{}", to_string(yard_.guards().kill), is_limited ? ", pids" : "")};
    CageLimits limits;
    if (is_limited) {
        limits.processes = 256;
    }
    std::optional<Clock::time_point> killed;
    const CageOutcome* outcome =
        run("fork", is_limited ? "100000" : "500", limits, proof, [&](Cage& cage) {
            constexpr std::size_t many = 8;  // as many as are told
            if (!killed && cage.owners().size() >= many) {
                killed = Clock::now();
                cage.kill(EndedByUs::timed_out);
            }
        });
    if (outcome == nullptr || !is_gone(proof)) {
        return proof;
    }
    proof.answer = killed ? Answer::holds : Answer::fails;
    if (killed) {
        proof.took = Clock::now() - *killed;
    }
    return proof;
}

GuardProof Doctor::hang() {
    GuardProof proof{.guard = "hang, SIGTERM ignored", .how = to_string(yard_.guards().kill)};
    std::optional<Clock::time_point> asked;
    std::optional<Clock::time_point> killed;
    const CageOutcome* outcome = run("hang", "0", {}, proof, [&](Cage& cage) {
        if (!asked && cage.outcome().began) {
            asked = Clock::now();
            cage.ask_to_end(EndedByUs::timed_out);
        } else if (asked && !killed && Clock::now() > *asked + milliseconds(100)) {
            killed = Clock::now();
            cage.kill(EndedByUs::timed_out);
        }
    });
    if (outcome == nullptr || !is_gone(proof)) {
        return proof;
    }
    // It may have been asked before it ignored that.
    proof.answer = outcome->signalled ? Answer::holds : Answer::fails;
    if (killed) {
        proof.took = Clock::now() - *killed;
    }
    return proof;
}

GuardProof Doctor::killed_runner() {
    GuardProof proof{.guard = "kill -9 of the runner", .how = "supervisor"};
    if (options_.program.empty()) {
        proof.note = "there is no program to be killed";
        return proof;
    }
    std::vector<std::string> arguments{"limit", "--"};
    const auto misdeed = words("escape-and-stay", "4");
    arguments.insert(arguments.end(), misdeed.begin(), misdeed.end());
    const FileDescriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Pipe failure(O_NONBLOCK);
    auto pid = start_child({.program = options_.program,
                            .arguments = arguments,
                            .more_variables = {mark_},
                            .out = nowhere.get(),
                            .err = nowhere.get(),
                            .group = ChildGroup::own},
                           failure);
    if (!pid) {
        proof.answer = Answer::fails;
        proof.note = pid.error().message;
        return proof;
    }
    Running runner(*pid);
    const Clock::time_point give_up = Clock::now() + patience;
    // The runner, its supervisor, the command and its parent, and four that have escaped.
    constexpr std::size_t all = 8;
    while (processes_marked(mark_).size() < all) {
        if (Clock::now() > give_up || runner.ended()) {
            proof.answer = Answer::fails;
            proof.note = "the runner did not begin";
            return proof;
        }
        ::poll(nullptr, 0, 1);
    }
    const Clock::time_point killed = Clock::now();
    runner.kill();
    if (is_gone(proof)) {
        proof.answer = Answer::holds;
        proof.took = Clock::now() - killed;
    }
    return proof;
}

GuardProof Doctor::gpus() const {
    GuardProof proof{.guard = "too much GPU memory", .how = "polling"};
    const GpuMeter meter;
    if (meter.gpus().empty()) {
        proof.answer = Answer::absent;
        proof.note = "there is no GPU that the driver tells of";
    } else if (!meter.tells_own_pids()) {
        proof.answer = Answer::absent;
        proof.note = "the driver does not say which processes of this container hold how much";
    } else {
        proof.note = "the driver is asked every 100 ms; what is taken in between comes on top";
    }
    return proof;
}

}  // namespace

bool DoctorReport::all_hold() const {
    return std::none_of(proofs.begin(), proofs.end(), [](const GuardProof& proof) {
        return proof.answer == GuardProof::Answer::fails;
    });
}

Result<DoctorReport> prove_guards(const DoctorOptions& options) {
    HEXCORE_TRY(supervisor, find_supervisor(options.yard.supervisor));
    HEXCORE_TRY(yard, CageYard::open(options.yard));
    DoctorReport report{.guards = yard->guards(), .proofs = {}};
    Doctor doctor(*yard, options, std::move(supervisor));
    report.proofs.push_back(doctor.too_much("too much memory at once", "take", "192"));
    report.proofs.push_back(doctor.too_much("too much memory slowly", "take-slowly", "192"));
    report.proofs.push_back(doctor.gpus());
    report.proofs.push_back(doctor.shared_memory());
    report.proofs.push_back(doctor.escape());
    report.proofs.push_back(doctor.forking());
    report.proofs.push_back(doctor.hang());
    report.proofs.push_back(doctor.killed_runner());
    return report;
}

}  // namespace hexcore
