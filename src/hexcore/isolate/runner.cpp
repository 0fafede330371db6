#include "hexcore/isolate/runner.hpp"

#include <poll.h>

#include <algorithm>
#include <memory>

#include "hexcore/isolate/admission.hpp"
#include "hexcore/isolate/held_fixtures.hpp"
#include "hexcore/isolate/job_limits.hpp"
#include "hexcore/isolate/job_order.hpp"
#include "hexcore/isolate/news_keeping.hpp"
#include "hexcore/isolate/room_words.hpp"
#include "hexcore/isolate/running_job.hpp"
#include "hexcore/isolate/running_jobs.hpp"
#include "hexcore/isolate/scratch_folders.hpp"
#include "hexcore/isolate/shortage.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::nanoseconds;
constexpr Time progress_spacing = 100ms;

class Runner {
public:
    Runner(TestRun& run, RunBook& book, const TestHistory::Runs& history,
           const TestRunOptions& options, const RunParts& parts);
    void go();

private:
    [[nodiscard]] Time now() const { return std::chrono::steady_clock::now() - began_; }
    [[nodiscard]] Bytes held() const { return held_by(running_) + held_by(fixtures_.jobs()); }
    [[nodiscard]] bool is_stopping() const { return stopping_ || enough_; }
    [[nodiscard]] RoomFacts facts() const;
    [[nodiscard]] const TestCase& first_test(std::size_t job) const {
        return book_.tests()[jobs_[job].front()];
    }

    void start_what_fits();
    void start(const Schedule::Start& start);
    void has_not_started(std::size_t job, const Error& error);
    void refuse(const Schedule::Refusal& refusal);
    void say_postponed(std::size_t job);
    void wait();
    void step_all();
    void record(std::vector<EndedTest>& ended, std::size_t job);
    void over(std::unique_ptr<RunningJob> job);
    void sample_all();
    void end_fixtures();
    void keep_time();
    void take_requests();
    void mind_framework();
    void tell_progress(bool asked);

    TestRun& run_;
    RunBook& book_;
    const TestRunOptions& options_;
    const RunParts& parts_;
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    Jobs jobs_;                     ///< with the tests that each has still to run
    Jobs whole_jobs_;               ///< with all tests of each
    std::vector<Bytes> job_peaks_;  ///< of all processes that each has had
    std::unique_ptr<Schedule> schedule_;
    std::unique_ptr<Admission> admission_;
    RunningJobs running_;
    HeldFixtures fixtures_;
    MemoryShortage shortage_;
    NewsKeeping keeping_;
    std::vector<std::size_t> again_alone_;  ///< jobs
    std::optional<Time> look_again_;
    Time next_sample_{};
    Time next_progress_{};
    ScratchFolders scratch_;
    std::size_t total_ = 0;
    RoomReading reading_;
    bool has_changed_ = true;  ///< something that decides what may begin
    bool stopping_ = false;    ///< somebody interrupted it
    bool enough_ = false;      ///< nothing more begins, what runs goes on
};

Runner::Runner(TestRun& run, RunBook& book, const TestHistory::Runs& history,
               const TestRunOptions& options, const RunParts& parts)
    : run_(run),
      book_(book),
      options_(options),
      parts_(parts),
      jobs_(jobs_of(book.tests(), options.grouping)),
      whole_jobs_(jobs_),
      fixtures_(book.tests(), jobs_),
      shortage_(parts.room, parts.events),
      keeping_(book, parts.keep_news),
      scratch_(options.scratch) {
    const TestMachine& machine = run.machine;
    job_peaks_.resize(jobs_.size());
    std::vector<ScheduledJob> graph = job_graph(book.tests(), jobs_, [&](const TestCase& test) {
        return known_of(test, history, machine);
    });
    TestNeed capacity{machine.memory};
    for (const TestMachine::Device& device : machine.devices) {
        capacity.devices.push_back({device.name, device.total});
    }
    schedule_ = std::make_unique<Schedule>(std::move(graph),
                                           Schedule::Options{.slots = options.slots,
                                                             .capacity = std::move(capacity),
                                                             .patience = options.patience,
                                                             .as_given = options.as_given});
    admission_ = std::make_unique<Admission>(
        Admission::Parts{*schedule_, parts.room, parts.claims, parts.events, running_});
    total_ = book.tests().size();
    for (std::size_t test = 0; test < total_; ++test) {
        const auto past = history.find(book.tests()[test].id);
        if (past != history.end()) {
            book.knows(test, past->second);
        }
    }
}

void Runner::go() {
    book_.skip_disabled();
    while (!schedule_->is_over()) {
        take_requests();
        enough_ = enough_ || (options_.fail_fast && book_.failed() > 0);
        if (!is_stopping() && (has_changed_ || (look_again_ && now() >= *look_again_))) {
            start_what_fits();
        }
        if (schedule_->is_over() || (running_.empty() && is_stopping())) {
            break;
        }
        wait();
        step_all();
        fixtures_.mind(*schedule_, book_, parts_.events);
        mind_framework();
        keep_time();
        keeping_.mind(now(), false);
        if (now() >= std::min(next_sample_, next_progress_)) {
            sample_all();
        }
    }
    end_fixtures();
    run_.interrupted = stopping_;
    run_.not_run = total_ - book_.done();
    run_.duration = now();
}

RoomFacts Runner::facts() const {
    return admission_->facts(run_.machine, reading_, options_.patience);
}

void Runner::start_what_fits() {
    has_changed_ = false;
    bool goes_on = true;
    // Where others are faster each time, there is another time.
    for (int tries_left = 16; goes_on && tries_left > 0; --tries_left) {
        reading_ = parts_.room.read(held());
        const Room room = admission_->room(reading_, now());
        const Schedule::Decision decision = schedule_->decide(now(), room);
        look_again_ = decision.look_again;
        for (const std::size_t job : decision.postponed) {
            say_postponed(job);
        }
        for (const Schedule::Refusal& refusal : decision.refusals) {
            refuse(refusal);
        }
        goes_on = !decision.refusals.empty();
        for (const Schedule::Start& started : decision.starts) {
            if (admission_->is_covered(started)) {
                start(started);
            } else {
                schedule_->not_started(started.job);
                goes_on = true;
            }
        }
        const auto waits =
            decision.waits ? std::optional(first_test(*decision.waits).id) : std::nullopt;
        goes_on = (admission_->settle(waits, decision, now()) || goes_on) && !schedule_->is_over();
    }
}

void Runner::start(const Schedule::Start& start) {
    RunningJob::Facts facts{.job = start.job,
                            .tests = jobs_[start.job],
                            .need = start.need,
                            .slot = free_slot(running_),
                            .processors = start.processors,
                            .alone = start.alone,
                            .timeout = options_.timeout,
                            .grace = options_.grace};
    for (const std::size_t test : facts.tests) {
        facts.cases.push_back(&book_.tests()[test]);
    }
    auto scratch = scratch_.take();
    if (!scratch) {
        has_not_started(start.job, scratch.error());
        return;
    }
    facts.scratch = *std::move(scratch);
    JobRequest request{facts.cases, limits_of(facts.cases, options_.processes), facts.scratch,
                       fixtures_.shares(start.job) ? CageShares::of_machine : CageShares::own,
                       fixtures_.keeps(start.job)};
    request.repeats = options_.repeats;
    request.tracer = options_.tracer;
    for (const TestCase* test : facts.cases) {
        parts_.events.test_begins(*test);
    }
    auto process = parts_.suite.start(request, parts_.yard);
    if (!process) {
        scratch_.give_back(facts.scratch);
        has_not_started(start.job, process.error());
        return;
    }
    running_.push_back(std::make_unique<RunningJob>(std::move(facts), *std::move(process), now()));
}

/// What the system refuses now, it may give once something that runs has ended.
void Runner::has_not_started(std::size_t job, const Error& error) {
    if (error.code == ErrorCode::does_not_fit && !running_.empty()) {
        schedule_->not_started(job);
        return;
    }
    for (const std::size_t test : std::exchange(jobs_[job], {})) {
        book_.refuse(test, TestVerdict::failed, error.message);
    }
    schedule_->ended(job, Schedule::End::failed, {});
}

void Runner::refuse(const Schedule::Refusal& refusal) {
    using Why = Schedule::Refusal::Why;
    const std::string why = refusal_text(refusal, facts());
    const bool lacks_memory = refusal.why == Why::no_room || refusal.why == Why::never_fits ||
                              refusal.why == Why::not_sound;
    for (const std::size_t test : jobs_[refusal.job]) {
        book_.refuse(test, lacks_memory ? TestVerdict::postponed : TestVerdict::failed, why);
    }
}

void Runner::say_postponed(std::size_t job) {
    parts_.events.says(waits_text(first_test(job).id, facts()));
}

void Runner::wait() {
    const bool is_idle = running_.empty() && fixtures_.empty();
    Time until = is_idle ? next_progress_ : std::min(next_sample_, next_progress_);
    for (const std::optional<Time>& time :
         {look_again_, admission_->next_look(), next_deadline(running_)}) {
        until = std::min(until, time.value_or(until));
    }
    std::vector<pollfd> files;
    for (const auto& descriptors : {descriptors_of(running_), descriptors_of(fixtures_.jobs()),
                                    parts_.requests.descriptors()}) {
        for (const int descriptor : descriptors) {
            files.push_back({descriptor, POLLIN, 0});
        }
    }
    const Time left = std::max(Time{}, until - now());
    const timespec time{left / 1s, (left % 1s).count()};
    (void)::ppoll(files.data(), files.size(), &time, nullptr);
}

void Runner::step_all() {
    std::vector<std::unique_ptr<RunningJob>> over_now;
    for (auto& job : running_) {
        std::vector<EndedTest> ended;
        const bool is_over = job->step(now(), ended);
        record(ended, job->facts().job);
        if (is_over) {
            over_now.push_back(std::move(job));
        }
    }
    std::erase(running_, nullptr);
    for (auto& job : over_now) {
        over(std::move(job));
    }
}

/// Those that run again stay in jobs_.
void Runner::record(std::vector<EndedTest>& ended, std::size_t job) {
    for (EndedTest& test : ended) {
        job_peaks_[job] = std::max(job_peaks_[job], test.attempt.peak);
        const RunBook::Next next = book_.add(test.test, std::move(test.attempt), test.kept);
        if (next == RunBook::Next::over) {
            std::erase(jobs_[job], test.test);
        } else if (next == RunBook::Next::again_alone) {
            again_alone_.push_back(job);
        }
    }
}

void Runner::over(std::unique_ptr<RunningJob> job) {
    has_changed_ = true;
    const std::size_t id = job->facts().job;
    const bool alone = job->facts().alone;
    job_peaks_[id] = std::max(job_peaks_[id], job->peak());
    job->note_growth(options_.judges_processes, run_.notes);
    if (job->is_kept()) {
        fixtures_.take(std::move(job));
    } else {
        scratch_.give_back(job->facts().scratch);
    }
    if (!jobs_[id].empty()) {
        schedule_->again(id, std::erase(again_alone_, id) > 0 || alone);
        return;
    }
    const bool failed = book_.has_any_failed(whole_jobs_[id]);
    schedule_->ended(id, failed ? Schedule::End::failed : Schedule::End::passed, job_peaks_[id]);
}

void Runner::sample_all() {
    has_changed_ = true;
    const std::vector<DeviceReading> readings = parts_.room.take_device_readings();
    next_sample_ = now() + std::min(sample(running_, readings, now()),
                                    sample(fixtures_.jobs(), readings, now()));
    run_.most_at_once = std::max(run_.most_at_once, held());
    reading_ = parts_.room.read(held());
    if (reading_.is_short) {
        keeping_.mind(now(), true);  // this process may be the next that the kernel ends
    }
    shortage_.mind(reading_, running_, now());
    if (now() >= next_progress_) {
        tell_progress(false);
    }
}

/// Nobody needs them any more, or somebody wants an end.
void Runner::end_fixtures() {
    look_again_.reset();
    if (!schedule_->is_over()) {
        fixtures_.end_all();
    }
    for (fixtures_.mind(*schedule_, book_, parts_.events); !fixtures_.empty();
         fixtures_.mind(*schedule_, book_, parts_.events)) {
        wait();
        take_requests();
        if (now() >= std::min(next_sample_, next_progress_)) {
            sample_all();
        }
    }
}

void Runner::keep_time() {
    for (const auto& job : running_) {
        job->keep_time(now());
    }
}

void Runner::take_requests() {
    for (auto request = parts_.requests.take(); request != RunRequests::Request::none;
         request = parts_.requests.take()) {
        if (request == RunRequests::Request::show) {
            tell_progress(true);
            admission_->tell_others();
            continue;
        }
        const bool at_once = request == RunRequests::Request::stop_now || stopping_;
        stopping_ = true;
        if (at_once) {
            fixtures_.kill_all(now());
            kill_all(running_, EndedByUs::interrupted, now());
        } else {
            end_all(running_, EndedByUs::interrupted, now());
            parts_.events.says(ending_text(running_, fixtures_.jobs(), options_.grace));
        }
    }
}

void Runner::mind_framework() {
    const std::string why = is_stopping() ? "" : parts_.suite.stop_reason();
    if (!why.empty()) {
        parts_.events.says(why);
        enough_ = true;
    }
}

void Runner::tell_progress(bool asked) {
    next_progress_ = now() + progress_spacing;
    RunProgress progress{.done = book_.done(), .total = total_, .failed = book_.failed()};
    progress.running = running_tests(running_, now(), asked);
    progress.waiting_for_memory = schedule_->waiting_for_room();
    progress.held = held();
    progress.free = reading_.left;
    parts_.events.progress(progress, asked);
}

}  // namespace

void run_tests(TestRun& run, RunBook& book, const TestHistory::Runs& history,
               const TestRunOptions& options, const RunParts& parts) {
    run.slots = options.slots;
    run.started = std::chrono::system_clock::now();
    parts.events.begins(run, book.tests().size());
    Runner(run, book, history, options, parts).go();
    parts.suite.finish(run.interrupted ? options.grace : TestSuite::longest_finish);
    parts.events.ends(run);
}

}  // namespace hexcore
