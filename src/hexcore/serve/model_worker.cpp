#include "hexcore/serve/model_worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <random>
#include <utility>

#include "hexcore/api/leftovers.hpp"
#include "hexcore/base/duration.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

/// How long at most a worker is not told what this wants of it.
constexpr milliseconds hears_every{50};
/// How long one that was asked to end in order may take; its answers have ended before.
constexpr milliseconds end_most{10'000};

std::string random_key() {
    std::random_device random;
    std::string key;
    for (int i = 0; i < 8; ++i) {
        key += fmt::format("{:08x}", random());
    }
    return key;
}

Error how_it_ended(const Result<ChildOutcome>& outcome) {
    if (!outcome) {
        return outcome.error();
    }
    if (outcome->end == ChildEnd::signalled) {
        return {ErrorCode::negative,
                fmt::format("the process that had the model was ended by signal {} ({})",
                            outcome->signal, ::strsignal(outcome->signal))};
    }
    return {ErrorCode::negative, fmt::format("the process that had the model ended with exit code "
                                             "{}",
                                             outcome->exit_code)};
}

std::string memory_is_back(const WorkerEnd& end) {
    if (end.clean()) {
        const double seconds = std::chrono::duration<double>(end.memory.waited).count();
        return "its memory is back after " + duration_text(seconds);
    }
    std::vector<std::string> why = end.memory.why();
    for (std::string& sentence : why_left(end.parked)) {
        why.push_back(std::move(sentence));
    }
    return fmt::format("{}", fmt::join(why, "; "));
}

/// What killed processes parked is of no use to anybody.
std::vector<Leftover> remove_left_parking(const std::filesystem::path& parking) {
    if (parking.empty()) {
        return {};
    }
    std::vector<Leftover> left = find_left_parking(parking);
    end_leftovers(left, {.parking = parking});
    return left;
}

}  // namespace

std::string say_ready(std::uint16_t port, const Json& models) {
    return Json({{"port", port}, {"models", models}})
               .dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

std::string say_failed(const Error& error, std::string_view told) {
    return Json({{"code", static_cast<int>(error.code)}, {"message", told}})
               .dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

ModelWorker::ModelWorker(ModelWorkerOptions options)
    : options_(std::move(options)), key_(random_key()), thread_([this] { run(); }) {}

ModelWorker::~ModelWorker() { end_for_good(Ending::now); }

Result<void> ModelWorker::start(const std::atomic<bool>* stop) {
    std::unique_lock lock(mutex_);
    wanted_ = true;
    changed_.notify_all();
    while (state_ != State::ready && n_ended_ == 0) {
        changed_.wait_for(lock, hears_every);
        if (stop != nullptr && stop->load()) {
            ending_ = Ending::in_order;  // it gives all back before it ends
            changed_.wait(lock, [this] { return n_ended_ != 0; });
            return fail(ErrorCode::interrupted, "interrupted");
        }
    }
    if (failure_) {
        return tl::unexpected(*failure_);
    }
    return {};
}

Asked<std::optional<WorkerPlace>> ModelWorker::place(Wait& wait, milliseconds at_most) {
    std::unique_lock lock(mutex_);
    if (wait.number == 0) {
        const bool is_none = state_ == State::none || state_ == State::ending;
        const bool starts = is_none && !wanted_ && !closing_;
        wanted_ = wanted_ || starts;
        wait.number = wanted_ ? number_ + 1 : number_;
        changed_.notify_all();
    }
    const auto has_ended = [&] { return n_gone_ >= wait.number; };
    const auto is_ready = [&] { return state_ == State::ready && number_ >= wait.number; };
    changed_.wait_for(lock, at_most, [&] { return has_ended() || is_ready() || closing_; });
    if (closing_) {
        return tl::unexpected(unavailable("the server ends", "shutting_down"));
    }
    if (is_ready()) {
        return WorkerPlace{port_, key_, number_};
    }
    if (has_ended()) {
        return tl::unexpected(
            unavailable("the model could not be loaded: " + last_end_, "not_loaded"));
    }
    return std::nullopt;
}

std::optional<WorkerPlace> ModelWorker::running() {
    const std::lock_guard lock(mutex_);
    return state_ == State::ready ? std::optional(WorkerPlace{port_, key_, number_}) : std::nullopt;
}

ApiError ModelWorker::why_gone(const WorkerPlace& place, milliseconds at_most) {
    std::unique_lock lock(mutex_);
    const bool known =
        changed_.wait_for(lock, at_most, [&] { return closing_ || n_gone_ >= place.number; });
    if (closing_) {
        return unavailable("the server ends", "shutting_down");
    }
    if (!known) {
        return unavailable("the process that has the model does not answer", "worker_silent");
    }
    return unavailable(last_end_ + "; the next request loads the model again", "worker_ended");
}

Json ModelWorker::models() {
    const std::lock_guard lock(mutex_);
    return models_;
}

std::uint64_t ModelWorker::starts() {
    const std::lock_guard lock(mutex_);
    return number_;
}

std::optional<WorkerEnd> ModelWorker::end(Ending ending, std::string why,
                                          std::optional<std::uint64_t> only) {
    std::unique_lock lock(mutex_);
    const std::uint64_t number = state_ == State::none ? number_ + 1 : number_;
    if ((state_ == State::none && !wanted_) || (only && *only != number)) {
        return std::nullopt;
    }
    if (state_ != State::ending) {
        ending_ = ending;
        why_ending_ = std::move(why);
        changed_.notify_all();
    }
    changed_.wait(lock, [&] { return closing_ || n_ended_ >= number; });
    return last_given_back_;
}

void ModelWorker::end_for_good(Ending ending) {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        ending_ = ending;
        changed_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void ModelWorker::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return wanted_ || closing_; });
        if (closing_) {
            return;
        }
        state_ = State::loading;
        wanted_ = false;
        failure_.reset();
        ++number_;
        lock.unlock();
        ProcessMemory memory;
        auto worker = Companion::start({options_.program,
                                        options_.arguments,
                                        {options_.key_variable + "=" + key_},
                                        options_.name});
        if (worker) {
            follow(**worker, memory);
        } else {
            const Error& error = worker.error();
            (void)hear(say_failed(error, error.message));
            gone(error);
            ended({});
        }
        lock.lock();
    }
}

/// From the start of a worker to its end.
void ModelWorker::follow(Companion& worker, ProcessMemory& memory) {
    std::string line;
    for (;;) {
        const auto heard = worker.hear(line, hears_every);
        if (heard == Companion::Heard::end) {
            break;  // whatever becomes of it, it is of no use any more
        }
        if (heard == Companion::Heard::line && hear(line)) {
            memory.look(worker.pid());
        }
        if (const auto ending = asked_to_end()) {
            memory.look(worker.pid());
            *ending == Ending::now ? worker.kill() : worker.ask_to_end();
            break;
        }
    }
    ends();
    const auto begin = std::chrono::steady_clock::now();
    if (!worker.wait(end_most)) {
        worker.kill();
    }
    if (!worker.wait(end_most)) {
        gone({ErrorCode::negative,
              "the process that had the model was killed and has not ended: it hangs in the "
              "kernel"});
        return ended({.memory = memory.not_ended(worker.pid())});
    }
    gone(how_it_ended(worker.outcome()));
    ResetReport report = closes() ? ResetReport() : memory.after_end(begin, options_.deadline);
    ended({.memory = std::move(report), .parked = remove_left_parking(options_.parking)});
}

std::optional<ModelWorker::Ending> ModelWorker::asked_to_end() {
    const std::lock_guard lock(mutex_);
    return ending_;
}

/// Whether it is ready.
bool ModelWorker::hear(const std::string& line) {
    const Json said = Json::parse(line, nullptr, false);
    const std::lock_guard lock(mutex_);
    if (said.is_object() && said.contains("port")) {
        port_ = said.value("port", std::uint16_t{0});
        models_ = said.value("models", Json::array());
        state_ = State::ready;
    } else if (said.is_object() && said.contains("code")) {
        failure_ = Error{static_cast<ErrorCode>(said.value("code", 1)),
                         said.value("message", std::string())};
    }
    changed_.notify_all();
    return state_ == State::ready;
}

bool ModelWorker::closes() {
    const std::lock_guard lock(mutex_);
    return closing_;
}

/// From now on nobody is sent to it: its port is another's once it has gone.
void ModelWorker::ends() {
    const std::lock_guard lock(mutex_);
    state_ = State::ending;
    changed_.notify_all();
}

void ModelWorker::gone(const Error& how) {
    const std::lock_guard lock(mutex_);
    state_ = State::ending;
    last_end_ = !why_ending_.empty() ? why_ending_
                : ending_            ? "the model was unloaded"
                : failure_           ? failure_->message
                                     : how.message;
    n_gone_ = number_;
    changed_.notify_all();
}

void ModelWorker::ended(WorkerEnd end) {
    std::string sentence;
    {
        const std::lock_guard lock(mutex_);
        // As this ends nobody looks whether memory is back.
        const bool is_expected = closing_ || (ending_ && why_ending_.empty());
        // Who waits is told why it could not load.
        if (!is_expected && !failure_) {
            sentence = fmt::format("{}; {}", last_end_, memory_is_back(end));
        } else if (!end.clean()) {
            sentence = memory_is_back(end);
        }
        last_given_back_ = std::move(end);
        ending_.reset();
        why_ending_.clear();
        state_ = State::none;
        n_ended_ = number_;
        changed_.notify_all();
    }
    if (options_.tell && !sentence.empty()) {
        options_.tell(sentence);  // a terminal may hold it up
    }
}

}  // namespace hexcore
