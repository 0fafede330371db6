#include "hexcore/isolate/pytest_suite.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/pytest_command.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {
namespace {

/// A fork takes milliseconds; but the server may be busy, and the machine. A new pytest collects
/// once more, beside others that do.
constexpr std::chrono::milliseconds least_start_time{60'000};
/// pytest's own folders in TMPDIR, of which it keeps some itself.
constexpr const char* pytest_temporary = "pytest-of-";

/// `tmp` in the scratch folder, as CageCommand has it.
Result<std::string> worker_temporary_folder(const std::filesystem::path& scratch) {
    std::error_code error;
    const std::filesystem::path folder = scratch / "tmp";
    std::filesystem::create_directory(folder, error);
    if (error) {
        return fail(ErrorCode::does_not_fit, "cannot make {}: {}", folder.string(),
                    error.message());
    }
    return folder.string();
}

}  // namespace

Result<std::vector<TestCase>> PytestSuite::list(const std::atomic<bool>* stop) {
    const auto begun = std::chrono::steady_clock::now();
    HEXCORE_TRY(server, PytestServer::start(command_));
    HEXCORE_TRY(listing, server->list(stop));
    collecting_ =
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
    server_ = std::move(server);
    listing_ = std::move(listing);
    for (std::size_t i = 0; i < listing_.tests.size(); ++i) {
        numbers_[listing_.tests[i].id] = i;
    }
    return listing_.tests;
}

Result<std::unique_ptr<TestJob>> PytestSuite::start(const JobRequest& request, CageYard& yard) {
    HEXCORE_CHECK(server_ != nullptr, "tests are listed first", request.tests.size());
    if (listing_.spawn.empty()) {
        return start_forked(request, yard);
    }
    return start_spawned(request, yard);
}

Result<std::unique_ptr<TestJob>> PytestSuite::start_forked(const JobRequest& request,
                                                           CageYard& yard) {
    HEXCORE_TRY(temporary, worker_temporary_folder(request.scratch));
    HEXCORE_TRY(adopted, yard.prepare(request.limits, {.scratch = request.scratch,
                                                       .untold_prefix = pytest_temporary}));
    HEXCORE_TRY(ends, PytestChannel::make_ends());
    PytestJob::Parts parts{.cage = std::move(adopted.cage),
                           .channel = std::move(ends.ours),
                           .numbers = {},
                           .waits = true,
                           .server = server_.get(),
                           .slots = &slots_,
                           .slot = slots_.take(),
                           .stop_reason = &stop_reason_,
                           .start_time = least_start_time,
                           .start_anew = [this, request, &yard] {
                               note_if_server_ended();
                               return start_spawned(request, yard);
                           }};
    for (const TestCase* test : request.tests) {
        parts.numbers.push_back(numbers_.at(test->id));
    }
    const nlohmann::json message{{"run", ++jobs_},
                                 {"tests", parts.numbers},
                                 {"slot", parts.slot},
                                 {"repeats", request.repeats},
                                 {"environment", {{"TMPDIR", temporary}}},
                                 {"supervisor", adopted.words},
                                 {"numbers", adopted.numbers}};
    std::vector<int> descriptors{ends.theirs.get(), adopted.output.get()};
    for (const FileDescriptor& descriptor : adopted.descriptors) {
        descriptors.push_back(descriptor.get());
    }
    std::unique_ptr<TestJob> job = std::make_unique<PytestJob>(std::move(parts));
    if (const auto forked = server_->fork_worker(message, descriptors); !forked) {
        job.reset();
        note_if_server_ended();
        return start_spawned(request, yard);
    }
    return job;
}

/// A test may have killed it. The others go on without.
void PytestSuite::note_if_server_ended() {
    if (server_->has_ended()) {
        listing_.spawn = "the one that collected the tests has ended";
    }
}

Result<std::unique_ptr<TestJob>> PytestSuite::start_spawned(const JobRequest& request,
                                                            CageYard& yard) {
    HEXCORE_TRY(folder, pytest_plugin_folder());
    const std::filesystem::path pipe = request.scratch / "worker";
    if (::mkfifo(pipe.c_str(), S_IRUSR | S_IWUSR) != 0) {
        return fail(ErrorCode::does_not_fit, "cannot make {}: {}", pipe.string(),
                    std::strerror(errno));
    }
    // For writing, too: it has no end then, before the worker opens it or after.
    PytestJob::Parts parts{
        .cage = nullptr,
        .channel = FileDescriptor(::open(pipe.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)),
        .numbers = {},
        .server = server_.get(),
        .slots = &slots_,
        .slot = 0,
        .stop_reason = &stop_reason_,
        .start_time = least_start_time + 4 * collecting_};
    nlohmann::json ids = nlohmann::json::array();
    for (const TestCase* test : request.tests) {
        parts.numbers.push_back(numbers_.at(test->id));
        ids.push_back(test->id);
    }
    parts.slot = slots_.take();
    std::ofstream tests(pipe.string() + ".tests");
    tests << nlohmann::json{{"tests", std::move(ids)},
                            {"slot", parts.slot},
                            {"repeats", request.repeats}}
                 .dump();
    tests.close();
    auto cage =
        yard.start({.words = command_,
                    .environment = changed_environment(pytest_variables(folder, pipe.string()), {}),
                    .scratch = request.scratch,
                    .untold_prefix = pytest_temporary},
                   request.limits);
    if (!cage || !tests) {
        slots_.give_back(parts.slot);
        return cage ? fail(ErrorCode::does_not_fit, "cannot write beside {}", pipe.string())
                    : tl::unexpected(std::move(cage).error());
    }
    parts.cage = *std::move(cage);
    std::unique_ptr<TestJob> job = std::make_unique<PytestJob>(std::move(parts));
    return job;
}

std::string PytestSuite::stop_reason() {
    if (stop_reason_.empty() && server_ != nullptr) {
        stop_reason_ = server_->stop_reason();
    }
    return stop_reason_;
}

std::vector<std::string> PytestSuite::notes() const {
    if (listing_.spawn.empty()) {
        return {};
    }
    return {fmt::format("each worker is a new pytest, which takes longer than a fork: {}",
                        listing_.spawn)};
}

void PytestSuite::finish(std::chrono::milliseconds most) {
    if (server_ != nullptr) {
        server_->finish(most);
    }
}

}  // namespace hexcore
