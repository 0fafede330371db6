#include "hexcore/isolate/running_job.hpp"

#include <algorithm>

#include "hexcore/device/device_entry.hpp"
#include "hexcore/isolate/attempt_verdict.hpp"
#include "hexcore/isolate/job_order.hpp"

namespace hexcore {

RunningJob::RunningJob(Facts facts, std::unique_ptr<TestJob> process, Time now)
    : facts_(std::move(facts)), process_(std::move(process)), began_(now), test_began_(now) {}

bool RunningJob::step(Time now, std::vector<EndedTest>& ended) {
    std::vector<JobEvent> events;
    const bool is_over = process_->step(events);
    for (const JobEvent& event : events) {
        take(event, now, ended);
    }
    if (!is_over) {
        return false;
    }
    if (begun_ == 0 && !facts_.tests.empty()) {
        test_begins(0, {}, began_);
    }
    settle(&process_->cage().outcome(), now, ended);
    return true;
}

void RunningJob::take(const JobEvent& event, Time now, std::vector<EndedTest>& ended) {
    if (event.kind == JobEvent::Kind::begins) {
        settle(nullptr, now, ended);
        test_begins(event.test, event.held, now);
        if (event.is_late) {
            held_at_begin_.reset();
        }
        return;
    }
    if (event.kind == JobEvent::Kind::repeat_ends) {
        levels_.add(event.levels);
        repeat_began_ = now;
        return;
    }
    if (current_ == event.test && judgement_) {
        judgement_ = event.judgement;
        return;
    }
    if (current_ != event.test) {  // it ended without a word of its beginning
        settle(nullptr, now, ended);
        test_begins(event.test, {}, now);
    }
    judgement_ = event.judgement;
    test_ended_ = now;
    for (const DevicePeak& told : event.devices) {
        if (told.peak > Bytes{}) {
            OnDevice& device = entry_of(devices_, told.device);
            device.peak = std::max(device.peak, told.peak);
        }
    }
    held_at_end_ = event.is_late ? std::nullopt : event.held;
    held_at_begin_ = event.held_before ? event.held_before : held_at_begin_;
    is_blurred_ = event.is_blurred;
    if (!event.levels.empty()) {
        process_levels_.add(event.levels);
    } else if (event.held && !event.is_late) {
        process_levels_.add({{"host", *event.held, MemoryLevel::Basis::sampled}});
    }
    peak_ = std::max(peak_, event.held.value_or(Bytes{}));
}

void RunningJob::test_begins(std::size_t test, const std::optional<Bytes>& held, Time now) {
    current_ = test;
    first_begun_ = n_begun_ == 0 ? test : first_begun_;
    begun_ = std::max(begun_, test + 1);
    test_began_ = now;
    repeat_began_ = now;
    held_at_begin_ = held;
    held_at_end_.reset();
    levels_ = {};
    is_blurred_ = false;
    n_begun_ += 1;
    judgement_.reset();
    peak_ = held.value_or(Bytes{});
    curve_ = {};
    for (OnDevice& device : devices_) {
        device.peak = {};
        device.curve = {};
    }
}

void RunningJob::settle(const CageOutcome* outcome, Time now, std::vector<EndedTest>& ended) {
    if (!current_) {
        return;
    }
    const bool has_it_alone = facts_.tests.size() == 1;
    CageOutcome not_ours;
    if (is_ended_for_another(outcome)) {
        if (!judgement_ || judgement_->kind == TestJudgement::Kind::crashed) {
            begun_ = *current_;  // it did no wrong, and runs again
            current_.reset();
            judgement_.reset();
            return;
        }
        not_ours = *outcome;  // it was over before that
        not_ours.ended_by_us = EndedByUs::no;
        not_ours.signalled = false;
        outcome = &not_ours;
    }
    AttemptFacts facts{.test = facts_.cases[*current_],
                       .judgement = judgement_,
                       .outcome = outcome,
                       .timeout = timeout(),
                       .free = free_at_end_,
                       .shares_process = !has_it_alone};
    EndedTest over{facts_.tests[*current_], judged_attempt(facts)};
    Attempt& attempt = over.attempt;
    attempt.start = test_began_;
    attempt.duration = (judgement_ && !has_it_alone ? test_ended_ : now) - test_began_;
    attempt.peak = peak_;
    if (outcome != nullptr && has_it_alone) {
        attempt.peak = std::max(attempt.peak, outcome->peak);
        if (outcome->duration > std::chrono::nanoseconds{}) {
            attempt.duration = outcome->duration;
        }
    }
    if (!has_it_alone) {
        attempt.devices.clear();
    }
    add_devices(attempt);
    attempt.samples = curve_.take();
    attempt.slot = facts_.slot;
    attempt.alone = facts_.alone;
    attempt.growth = levels_.judge();
    if (n_begun_ > 1 && (is_blurred_ || !attempt.residues.empty())) {
        attempt.left_by_one_of =
            TestsOfProcess{n_begun_, facts_.cases[first_begun_]->id, facts.test->id};
    }
    if (held_at_begin_ && held_at_end_) {
        over.kept = saturating_subtract(*held_at_end_, *held_at_begin_);
    }
    ended.push_back(std::move(over));
    current_.reset();
    judgement_.reset();
}

void RunningJob::add_devices(Attempt& attempt) {
    for (OnDevice& device : devices_) {
        if (device.peak > Bytes{}) {
            DeviceUse& use = entry_of(attempt.devices, device.device);
            use.peak = std::max(use.peak, device.peak);
            use.samples = device.curve.take();
        }
    }
}

/// The request to end reaches a process that may have gone on to the next test by then.
bool RunningJob::is_ended_for_another(const CageOutcome* outcome) const {
    return outcome != nullptr && ending_ && outcome->ended_by_us == ending_for_ &&
           facts_.tests.size() > 1 && ended_test_ != current_;
}

void RunningJob::mark_ending(EndedByUs why, Time since, Bytes free) {
    ending_ = since;
    ending_for_ = why;
    free_at_end_ = free;
    // Where none has begun, the first pays for what keeps it from beginning.
    ended_test_ = begun_ == 0  ? std::optional<std::size_t>(0)
                  : judgement_ ? std::nullopt
                               : current_;
}

std::vector<std::size_t> RunningJob::left() const {
    const std::size_t begun = std::min(begun_, facts_.tests.size());
    return {facts_.tests.begin() + static_cast<std::ptrdiff_t>(begun), facts_.tests.end()};
}

void RunningJob::sample(Time now) {
    process_->cage().sample();
    held_ = process_->cage().held();
    if (process_->is_looking()) {
        return;
    }
    peak_ = std::max(peak_, held_);
    if (current_) {
        curve_.add(now - test_began_, held_);
    }
}

std::vector<DeviceHeld> RunningJob::held_devices() const {
    std::vector<DeviceHeld> held;
    for (const OnDevice& device : devices_) {
        held.push_back({device.device, device.held});
    }
    return held;
}

TestNeed RunningJob::still_to_take() const {
    TestNeed need = facts_.need;
    hexcore::take(need, taken());
    return need;
}

TestNeed RunningJob::taken() const {
    TestNeed taken{std::min(held_, facts_.need.host), {}};
    for (const DeviceLimit& needed : facts_.need.devices) {
        const auto same =
            std::find_if(devices_.begin(), devices_.end(),
                         [&](const OnDevice& device) { return device.device == needed.device; });
        taken.devices.push_back(
            {needed.device, same == devices_.end() ? Bytes{} : std::min(needed.limit, same->held)});
    }
    return taken;
}

void RunningJob::take_device_reading(const DeviceReading& reading, Time now) {
    Cage& cage = process_->cage();
    cage.take_device_reading(reading.device, reading.holders);
    const std::vector<MemoryOwner> owners = cage.owners();
    Bytes held;
    for (const MemoryOwner& holder : reading.holders) {
        if (std::any_of(owners.begin(), owners.end(),
                        [&](const MemoryOwner& owner) { return owner.pid == holder.pid; })) {
            held += holder.bytes;
        }
    }
    if (held == Bytes{} && std::none_of(devices_.begin(), devices_.end(), [&](const auto& device) {
            return device.device == reading.device;
        })) {
        return;
    }
    OnDevice& device = entry_of(devices_, reading.device);
    if (current_ && device.curve.is_empty() && device.held == Bytes{}) {
        device.curve.add({}, {});
    }
    if (current_) {
        device.curve.add(now - test_began_, held);
    }
    device.held = held;
    device.peak = std::max(device.peak, held);
}

void RunningJob::end(EndedByUs why, Time now, Bytes free) {
    if (ending_) {
        return;
    }
    mark_ending(why, now, free);
    process_->cage().ask_to_end(why);
}

void RunningJob::kill(EndedByUs why, Time now, Bytes free) {
    if (!ending_) {
        mark_ending(why, now, free);
    }
    if (!killed_at_) {
        killed_at_ = now;
        process_->cage().kill(ending_for_);
    }
}

std::chrono::milliseconds RunningJob::timeout() const {
    const TestCase* test = current_ ? facts_.cases[*current_] : nullptr;
    return test == nullptr ? facts_.timeout : test->timeout.value_or(facts_.timeout);
}

std::optional<RunningJob::Time> RunningJob::next_deadline() const {
    if (killed_at_) {
        return std::nullopt;
    }
    if (ending_) {
        return *ending_ + facts_.grace;
    }
    const std::chrono::milliseconds most = timeout();
    if (most.count() == 0) {
        return std::nullopt;
    }
    // Between tests, and before the first, the process has as long as a test.
    const Time since = current_ && !judgement_ ? repeat_began_
                       : begun_ == 0           ? began_ + process_->start_time()
                                               : std::max(test_ended_, test_began_);
    return since + most;
}

void RunningJob::keep_time(Time now) {
    const auto deadline = next_deadline();
    if (!deadline || *deadline > now) {
        return;
    }
    if (ending_) {
        kill(ending_for_, now);
    } else {
        end(EndedByUs::timed_out, now);
    }
}

void RunningJob::note_growth(bool is_wanted, std::vector<std::string>& notes) const {
    if (is_wanted) {
        const auto more = growth_notes(n_begun_, process_levels_.judge());
        notes.insert(notes.end(), more.begin(), more.end());
    }
}

const TestCase* RunningJob::current() const {
    return current_ && !judgement_ ? facts_.cases[*current_] : nullptr;
}

std::vector<std::uint32_t> RunningJob::processes() const {
    std::vector<std::uint32_t> pids;
    for (const MemoryOwner& owner : process_->cage().owners()) {
        pids.push_back(owner.pid);
    }
    return pids;
}

}  // namespace hexcore
