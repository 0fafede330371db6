#include "hexcore/isolate/pytest_job.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/crash_look.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/isolate/python_stack.hpp"

namespace hexcore {
namespace {

/// docs/formats/pytest-channel.md
constexpr int closed_exit_code = 86;
/// Of a file that pytest captures into, from its begin and from its end.
constexpr std::size_t most_captured = 256U << 10U;

/// More than this a test does not print that anybody wants to read.
constexpr off_t longest_captured = off_t{256} << 20U;
constexpr long look_ns = 100'000'000;
/// A server forks within milliseconds, after what its plugins do with the reports of other workers.
constexpr auto longest_fork = std::chrono::seconds(60);
/// The same where the run is to end.
constexpr auto longest_end = std::chrono::seconds(3);

off_t size_of(const FileDescriptor& file) {
    struct stat found {};
    return ::fstat(file.get(), &found) == 0 ? found.st_size : 0;
}

std::string text_of_file(const FileDescriptor& file) {
    std::string text;
    const auto append = [&](off_t from, std::size_t count) {
        std::string part(count, '\0');
        const ssize_t read = file.read_at(part.data(), part.size(), from);
        text.append(part, 0, static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
    };
    const auto size = static_cast<std::size_t>(size_of(file));
    append(0, std::min(size, most_captured));
    if (size > 2 * most_captured) {
        text += fmt::format("\n... {} bytes left out ...\n", size - 2 * most_captured);
    }
    if (size > most_captured) {
        const std::size_t rest = std::min(size - most_captured, most_captured);
        append(static_cast<off_t>(size - rest), rest);
    }
    return text;
}

TestJudgement judged_by_pytest(const PytestMessage& message) {
    TestJudgement judgement{.kind = TestJudgement::Kind::failed, .reason = message.text("reason")};
    const std::string outcome = message.text("outcome");
    if (outcome == "passed") {
        judgement.kind = TestJudgement::Kind::passed;
    } else if (outcome == "skipped") {
        judgement.kind = TestJudgement::Kind::skipped;
    }
    judgement.duration_ms = message.real("duration_ms").value_or(0);
    judgement.output = message.text("report");
    if (const auto sections = message.value.find("sections");
        sections != message.value.end() && sections->is_array()) {
        for (const nlohmann::json& section : *sections) {
            if (!section.is_array() || section.size() != 2 || !section[0].is_string() ||
                !section[1].is_string()) {
                continue;
            }
            judgement.output +=
                fmt::format("{}----- {} -----\n{}", judgement.output.empty() ? "" : "\n",
                            section[0].get<std::string>(), section[1].get<std::string>());
        }
    }
    return judgement;
}

/// What frameworks in the worker say that they have of GPUs, at the begin or at the end, or at
/// most.
std::vector<DevicePeak> devices_of(const PytestMessage& message) {
    std::vector<DevicePeak> devices;
    const auto listed = message.value.find("devices");
    if (listed == message.value.end() || !listed->is_array()) {
        return devices;
    }
    for (const nlohmann::json& device : *listed) {
        if (!device.is_object() || !device.contains("name") || !device["name"].is_string()) {
            continue;
        }
        std::uint64_t most = 0;
        for (const char* key : {"before_bytes", "after_bytes", "peak_bytes"}) {
            const auto bytes = device.find(key);
            if (bytes != device.end() && bytes->is_number_unsigned()) {
                most = std::max(most, bytes->get<std::uint64_t>());
            }
        }
        constexpr std::uint64_t believed_max = 1ULL << 50U;  // a test may have written it
        devices.push_back({device["name"].get<std::string>(), Bytes(std::min(most, believed_max))});
    }
    return devices;
}

std::vector<MemoryLevel> levels_of(const PytestMessage& message) {
    std::vector<MemoryLevel> levels;
    for (const nlohmann::json& told : elements(member(message.value, "levels"))) {
        const nlohmann::json& name = member(told, "name");
        const nlohmann::json& bytes = member(told, "bytes");
        if (name.is_string() && bytes.is_number_unsigned()) {
            const bool is_exact = member(told, "exact") == true;
            levels.push_back({name.get<std::string>(), Bytes(bytes.get<std::uint64_t>()),
                              is_exact ? MemoryLevel::Basis::exact : MemoryLevel::Basis::sampled});
        }
    }
    return levels;
}

}  // namespace

std::uint32_t PytestSlots::take() {
    std::uint32_t slot = 0;
    while (taken_.contains(slot)) {
        ++slot;
    }
    taken_.insert(slot);
    return slot;
}

PytestJob::PytestJob(Parts parts)
    : parts_(std::move(parts)),
      channel_(std::move(parts_.channel)),
      timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    const itimerspec every{{0, look_ns}, {0, look_ns}};
    ::timerfd_settime(timer_.get(), 0, &every, nullptr);
}

PytestJob::~PytestJob() { give_slot_back(); }

std::vector<int> PytestJob::descriptors() const {
    if (instead_) {
        return instead_->descriptors();
    }
    std::vector<int> all = parts_.cage->descriptors();
    if (!channel_.has_ended()) {
        all.push_back(channel_.descriptor());
    }
    if (timer_.is_open()) {
        all.push_back(timer_.get());
    }
    return all;
}

bool PytestJob::step(std::vector<JobEvent>& events) {
    if (instead_) {
        return instead_->step(events);
    }
    const bool is_over = parts_.cage->step();
    if (parts_.waits && !is_told_ && parts_.cage->pid() > 0) {
        is_told_ = true;
        (void)channel_.send_text("g");
    }
    // What it wrote before its end is there by now.
    for (PytestMessage& message : channel_.read()) {
        take(message, events);
    }
    if (is_over && starts_anew(events)) {
        return false;
    }
    if (is_over) {
        end_lost(events);
    } else if (std::uint64_t times = 0;
               timer_.read(&times, sizeof(times)) == sizeof(times) && problem_.empty()) {
        mind_server();
        end_endless_output();
    }
    return is_over;
}

/// A server that is killed takes with it what was sent to it and not read.
bool PytestJob::starts_anew(std::vector<JobEvent>& events) {
    const CageOutcome& outcome = parts_.cage->outcome();
    if (outcome.began || outcome.ended_by_us != EndedByUs::no || !problem_.empty() ||
        !parts_.start_anew) {
        return false;
    }
    give_slot_back();
    (void)::shutdown(channel_.descriptor(), SHUT_RDWR);  // a worker that waits for a word ends
    auto job = std::exchange(parts_.start_anew, nullptr)();
    if (!job) {
        running_ = 0;
        problem_ = fmt::format("{}; and another could not be started: {}", outcome.problem,
                               job.error().message);
        events.push_back({.kind = JobEvent::Kind::begins, .test = *running_});
        return false;
    }
    instead_ = *std::move(job);
    // What has passed is not the new one's.
    parts_.start_time =
        std::chrono::ceil<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started_) +
        instead_->start_time();
    return true;
}

void PytestJob::give_slot_back() {
    if (parts_.slots != nullptr) {
        std::exchange(parts_.slots, nullptr)->give_back(parts_.slot);
    }
}

void PytestJob::mind_server() {
    if (!parts_.waits || is_told_) {
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (parts_.cage->outcome().ended_by_us != EndedByUs::no && !ended_by_us_) {
        ended_by_us_ = now;
    }
    if (now - started_ > longest_fork || (ended_by_us_ && now - *ended_by_us_ > longest_end)) {
        problem_ = "the pytest that collected the tests does not answer, so it was ended";
        parts_.server->give_up();
    }
}

void PytestJob::end_endless_output() {
    for (const FileDescriptor& file : captured_) {
        if (size_of(file) > longest_captured) {
            problem_ = fmt::format("it was ended, for it wrote {} that pytest had to capture",
                                   to_string(Bytes(static_cast<std::uint64_t>(size_of(file)))));
            parts_.cage->kill(EndedByUs::no);
        }
    }
}

void PytestJob::take(PytestMessage& message, std::vector<JobEvent>& events) {
    if (message.has("captured")) {
        for (FileDescriptor& file : message.descriptors) {
            captured_.push_back(std::move(file));
        }
    } else if (message.has("begin") && message.number("begin") < parts_.numbers.size()) {
        running_ = message.number("begin");
        events.push_back(
            {.kind = JobEvent::Kind::begins, .test = *running_, .held = held_by(message)});
    } else if (message.has("repeat") && running_ == message.number("repeat")) {
        events.push_back(
            {.kind = JobEvent::Kind::repeat_ends, .test = *running_, .levels = levels_of(message)});
    } else if (message.has("end") && running_ == message.number("end")) {
        JobEvent event{.kind = JobEvent::Kind::ends,
                       .test = *std::exchange(running_, std::nullopt),
                       .judgement = judged_by_pytest(message)};
        event.held = held_by(message);
        event.devices = devices_of(message);
        events.push_back(std::move(event));
    } else if (message.has("stop")) {
        *parts_.stop_reason = message.text("stop");
    } else if (message.has("ready")) {
        inherited_ = Bytes(message.number("inherited_bytes"));
    } else if (message.has("failed")) {
        problem_ = message.text("failed");
    }
}

Bytes PytestJob::held_by(const PytestMessage& message) const {
    return saturating_subtract(Bytes(message.number("resident_bytes")), inherited_);
}

void PytestJob::end_lost(std::vector<JobEvent>& events) {
    if (!running_) {
        return;
    }
    const CageOutcome& outcome = parts_.cage->outcome();
    JobEvent event{.kind = JobEvent::Kind::ends, .test = *running_};
    event.judgement.kind = TestJudgement::Kind::crashed;
    if (!problem_.empty()) {
        event.judgement.reason = problem_;
    } else if (!outcome.signalled && outcome.code == closed_exit_code) {
        event.judgement.reason = "it closed the descriptor by which its worker reports";
    } else {
        event.judgement.reason =
            "its process ended in the middle of the test: " + ending_text(outcome);
    }
    event.judgement.output = captured_until_then();
    if (is_own_fault(outcome)) {
        event.judgement.stack = python_stack(outcome.output_head + outcome.output_tail);
    }
    parts_.server->report_lost(parts_.numbers[*running_], event.judgement.reason);
    running_.reset();
    events.push_back(std::move(event));
}

std::string PytestJob::captured_until_then() const {
    std::string text;
    for (const FileDescriptor& file : captured_) {
        text += text_of_file(file);
    }
    return text;
}

}  // namespace hexcore
