#include "hexcore/isolate/pytest_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <string_view>
#include <utility>

#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/pytest_command.hpp"

namespace hexcore {
namespace {

constexpr std::chrono::seconds longest_exit{60};
constexpr int look_ms = 50;
constexpr std::chrono::hours longest_timeout{24 * 365};

TestCase listed_pytest(const PytestMessage& message) {
    TestCase test{.id = message.text("id"), .name = message.text("name"), .binary = {}};
    test.group = message.text("group");
    test.isolated = message.is_set("isolated");
    test.file = message.text("file");
    test.line = static_cast<std::uint32_t>(message.number("line"));
    if (const auto tags = message.value.find("tags");
        tags != message.value.end() && tags->is_array()) {
        for (const nlohmann::json& tag : *tags) {
            test.tags.push_back(tag.is_string() ? tag.get<std::string>() : "");
        }
    }
    if (const auto budget = message.value.find("budget");
        budget != message.value.end() && budget->is_object()) {
        for (const auto& [device, size] : budget->items()) {
            const Bytes limit(size.is_number_unsigned() ? size.get<std::uint64_t>() : 0);
            if (device == "host") {
                test.budget.memory = limit;
            } else {
                test.budget.devices.push_back({device, limit});
            }
        }
        // What others in its process hold would be held to its budget.
        test.isolated = true;
    }
    if (const double seconds = message.real("timeout_s").value_or(0); seconds > 0) {
        const double most = std::chrono::duration<double>(longest_timeout).count();
        test.timeout = std::chrono::milliseconds(std::llround(std::min(seconds, most) * 1000));
    }
    return test;
}

/// What pytest says is wrong: the last line that it marks as an error, else its last.
std::string heart_of(std::string_view log) {
    std::string_view found;
    std::string_view last;
    while (!log.empty()) {
        const std::size_t end = std::min(log.find('\n'), log.size());
        const std::string_view line = log.substr(0, end);
        log.remove_prefix(std::min(end + 1, log.size()));
        if (line.starts_with("ERROR: ") || line.starts_with("E  ") ||
            line.find(": error: ") != std::string_view::npos ||
            line.starts_with("INTERNALERROR> ")) {
            found = line;
        }
        if (line.find_first_not_of(" \t=") != std::string_view::npos) {
            last = line;
        }
    }
    return one_line(found.empty() ? last : found);
}

}  // namespace

Result<std::unique_ptr<PytestServer>> PytestServer::start(const std::vector<std::string>& command) {
    HEXCORE_TRY(folder, pytest_plugin_folder());
    HEXCORE_TRY(ends, PytestChannel::make_ends());
    FileDescriptor log(::memfd_create("hexcore-pytest", MFD_CLOEXEC));
    if (!log.is_open()) {
        return tl::unexpected(refused_process(errno));
    }
    std::unique_ptr<PytestServer> server(
        new PytestServer(command.front(), std::move(ends.ours), std::move(log)));
    // Only this child is to have it: it is closed here before anything else is started.
    ::fcntl(ends.theirs.get(), F_SETFD, 0);
    const ChildStart start{
        .program = command.front(),
        .arguments = {command.begin() + 1, command.end()},
        .more_variables = pytest_variables(folder, std::to_string(ends.theirs.get())),
        .out = server->log_.get(),
        .err = server->log_.get(),
        .group = ChildGroup::own};
    HEXCORE_TRY(pid, start_child(start, server->failure_));
    server->process_.emplace(pid);
    server->failure_.close_writing();
    return server;
}

Result<PytestListing> PytestServer::list(const std::atomic<bool>* stop) {
    PytestListing listing;
    for (;;) {
        for (const PytestMessage& message : channel_.read()) {
            if (message.has("test") && message.number("test") == listing.tests.size()) {
                listing.tests.push_back(listed_pytest(message));
            } else if (message.has("refused")) {
                return fail(ErrorCode::usage, "pytest gives no tests to run: {}",
                            one_line(message.text("refused")));
            } else if (message.has("listed")) {
                if (message.number("listed") != listing.tests.size()) {
                    return fail(ErrorCode::usage,
                                "pytest has {} tests, but {} of them were told as they have to be",
                                message.number("listed"), listing.tests.size());
                }
                listing.spawn = message.text("spawn");
                listing.most_failures = message.number("most_failures");
                for (TestCase& test : listing.tests) {
                    test.binary = message.text("root");
                }
                return listing;
            }
        }
        if (channel_.has_ended()) {
            return tl::unexpected(ended_early());
        }
        if (stop != nullptr && stop->load()) {
            return fail(ErrorCode::interrupted, "interrupted");
        }
        pollfd waiting{channel_.descriptor(), POLLIN, 0};
        ::poll(&waiting, 1, look_ms);
    }
}

Error PytestServer::ended_early() {
    // What ended the socket ends the process, too: it is its last.
    const auto until = std::chrono::steady_clock::now() + longest_exit;
    std::optional<int> status;
    while (!(status = process_->ended()) && std::chrono::steady_clock::now() < until) {
        ::poll(nullptr, 0, look_ms);
    }
    if (auto why = not_begun(program_, failure_)) {
        return *std::move(why);
    }
    const std::string said = heart_of(log());
    return {ErrorCode::usage,
            said.empty()
                ? fmt::format("{} ended before it had collected tests, and said nothing", program_)
                : fmt::format("{} ended before it had collected tests; the heart of what "
                              "it said: {}",
                              program_, said)};
}

Result<void> PytestServer::fork_worker(const nlohmann::json& message,
                                       const std::vector<int>& descriptors) {
    if (channel_.send(message, descriptors)) {
        return {};
    }
    give_up();
    return fail(ErrorCode::does_not_fit, "the one that collected the tests has ended");
}

bool PytestServer::has_ended() {
    (void)stop_reason();  // as far as it has been said
    return is_given_up_ || channel_.has_ended();
}

void PytestServer::report_lost(std::uint64_t test, const std::string& reason) {
    (void)channel_.send({{"lost", test}, {"reason", reason}});
}

const std::string& PytestServer::stop_reason() {
    for (const PytestMessage& message : channel_.read()) {
        if (message.has("stop")) {
            stop_reason_ = message.text("stop");
        }
    }
    return stop_reason_;
}

std::string PytestServer::log() const {
    std::string text;
    std::array<char, 65536> bytes{};
    for (;;) {
        const ssize_t count =
            log_.read_at(bytes.data(), bytes.size(), static_cast<off_t>(text.size()));
        if (count <= 0) {
            return text;
        }
        text.append(bytes.data(), static_cast<std::size_t>(count));
    }
}

void PytestServer::give_up() {
    is_given_up_ = true;
    if (process_->pid() > 0) {
        ::kill(-process_->pid(), SIGKILL);
    }
    process_->kill();
}

void PytestServer::finish(std::chrono::milliseconds most) {
    if (!channel_.send({{"end", true}})) {
        return;
    }
    const auto until = std::chrono::steady_clock::now() + most;
    while (!channel_.has_ended() && std::chrono::steady_clock::now() < until) {
        pollfd waiting{channel_.descriptor(), POLLIN, 0};
        ::poll(&waiting, 1, look_ms);
        (void)channel_.read();
    }
    while (!process_->ended() && std::chrono::steady_clock::now() < until) {
        ::poll(nullptr, 0, 1);
    }
}

}  // namespace hexcore
