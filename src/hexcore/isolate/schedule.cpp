// That heavier tests wait for the shortest light one to end costs 1 % in the mean. Waiting for as
// many as can run at once would cost up to a fifth: one of them is long.
#include "hexcore/isolate/schedule.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "hexcore/base/check.hpp"
#include "hexcore/isolate/job_order.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

constexpr Schedule::Time first_delay = 250ms;
constexpr Schedule::Time longest_delay = 8s;
/// What an unknown test of an unknown program is taken to need, if there is that much.
constexpr Bytes first_guess = 1_GiB;
constexpr Bytes least_guess = 32_MiB;

Schedule::Time in_time(double seconds) {
    constexpr double longest = 1e9;  // of what a clock of nanoseconds can hold
    return Schedule::Time(static_cast<std::int64_t>(std::min(seconds, longest) * 1e9));
}

}  // namespace

Schedule::Schedule(std::vector<ScheduledJob> jobs, Options options) : options_(std::move(options)) {
    HEXCORE_CHECK(options_.slots > 0, options_.slots, jobs.size());
    for (ScheduledJob& job : jobs) {
        job.processors = std::clamp(job.processors, 1U, options_.slots);
        works_.push_back({.job = std::move(job)});
    }
    left_ = works_.size();
    link();
    order();
}

void Schedule::link() {
    for (std::size_t id = 0; id < works_.size(); ++id) {
        std::set<std::size_t> before(works_[id].job.after.begin(), works_[id].job.after.end());
        before.insert(works_[id].job.on_success.begin(), works_[id].job.on_success.end());
        before.erase(id);
        works_[id].blocked_by = before.size();
        for (const std::size_t other : before) {
            HEXCORE_CHECK(other < works_.size(), other, works_.size());
            works_[other].then.push_back(id);
        }
    }
}

void Schedule::order() {
    std::vector<ScheduledJob> jobs;
    for (std::size_t id = 0; id < works_.size(); ++id) {
        Work& work = works_[id];
        work.tier = tier_of(work.job.need);
        all_in_tier_[work.tier] += 1;
        pending_.push_back(id);
        jobs.push_back(work.job);
    }
    if (options_.as_given) {
        return;
    }
    pending_ = order_of(jobs, options_);
    // The shortest of the lightest goes ahead: until it has ended, heavier ones wait.
    const auto first =
        std::min_element(pending_.begin(), pending_.end(), [&](std::size_t a, std::size_t b) {
            const auto key = [&](std::size_t id) {
                return std::tuple(works_[id].tier, expected_seconds(works_[id].job));
            };
            return key(a) < key(b);
        });
    if (first != pending_.end()) {
        std::rotate(pending_.begin(), first, std::next(first));
    }
}

int Schedule::tier_of(const TestNeed& need) const {
    const double most = share_of(need, options_.capacity);
    return most < 1.0 / 16 ? 0 : most < 1.0 / 4 ? 1 : 2;
}

bool Schedule::is_open(int tier, bool sound) const {
    const auto lighter = [&](const std::map<int, std::size_t>& counts) {
        return counts.begin() != counts.end() && counts.begin()->first < tier;
    };
    return tier == 0 || (sound && (lighter(ended_in_tier_) || !lighter(all_in_tier_)));
}

TestNeed Schedule::need_of(const Work& work) const {
    if (work.job.basis != NeedBasis::unknown) {
        return work.job.need;
    }
    const auto family = families_.find(work.job.family);
    if (family == families_.end() || family->second.ended == 0) {
        return {std::min(first_guess, Bytes(options_.capacity.host.count() / 8))};
    }
    const Bytes largest = family->second.largest;
    return {std::max(least_guess, largest + Bytes(largest.count() * 15 / 100))};
}

/// But for room.
bool Schedule::may_begin(const Work& work, bool sound, Tiers tiers) const {
    if (work.blocked_by > 0 || (tiers == Tiers::in_turn && !is_open(work.tier, sound))) {
        return false;
    }
    if (work.job.basis == NeedBasis::unknown) {
        const auto family = families_.find(work.job.family);
        if (family != families_.end() && family->second.unknown_running > family->second.ended) {
            return false;
        }
    }
    return std::none_of(work.job.locks.begin(), work.job.locks.end(),
                        [&](const std::string& lock) { return locks_.count(lock) > 0; });
}

void Schedule::begin(std::size_t job, Time now, Room& room, Decision& decision, bool alone) {
    Work& work = works_[job];
    const TestNeed need = need_of(work);
    take(room.free, need);
    work.state = State::running;
    work.was_short_since = std::exchange(work.short_since, std::nullopt);
    work.delay = {};
    work.let_in = need;
    work.expected_end = now + in_time(expected_seconds(work.job));
    processors_used_ += work.job.processors;
    alone_runs_ = alone;
    running_.push_back(job);
    if (work.job.basis == NeedBasis::unknown) {
        families_[work.job.family].unknown_running += 1;
    }
    for (const std::string& lock : work.job.locks) {
        locks_.emplace(lock, job);
    }
    decision.starts.push_back({job, need, alone, work.job.processors});
}

Schedule::Decision Schedule::decide(Time now, const Room& room) {
    Decision decision;
    Room left = room;
    waiting_ = 0;
    refuse_blocked(decision);
    if (!alone_runs_) {
        start_side_by_side(now, left, decision, Tiers::in_turn);
        if (running_.empty() && room.sound) {
            // What is light waits, too, or there is nothing that is.
            start_side_by_side(now, left, decision, Tiers::all_open);
        }
        if (running_.empty()) {
            start_alone(now, left, decision);
        }
        if (running_.empty()) {
            wait_for_others(now, left, decision);
        } else {
            forget_shortness();
        }
    }
    std::erase_if(pending_, [&](std::size_t id) { return works_[id].state != State::pending; });
    return decision;
}

void Schedule::refuse_blocked(Decision& decision) {
    // One that cannot run may be what others wait for; those come behind it or are seen next time.
    for (const std::size_t id : pending_) {
        const Work& work = works_[id];
        const bool never_fits =
            work.job.basis == NeedBasis::declared && !fits(work.job.need, options_.capacity);
        if (work.blocked_by == 0 && (work.cannot || never_fits)) {
            decision.refusals.push_back(
                {id, work.cannot ? Refusal::Why::setup_failed : Refusal::Why::never_fits,
                 work.job.need});
            finish(id, false);
            decision.look_again = Time{};
        }
    }
}

/// Since ours run, what is missing may be theirs.
void Schedule::forget_shortness() {
    if (!any_short_) {
        return;
    }
    any_short_ = false;
    for (const std::size_t id : pending_) {
        works_[id].short_since.reset();
        works_[id].next_look = {};
    }
}

void Schedule::start_side_by_side(Time now, Room& room, Decision& decision, Tiers tiers) {
    // So many may pass one that waits for room; then only those may that don't make it wait longer.
    const std::uint32_t most_passing = std::max(16U, 4 * options_.slots);
    // Until heavier ones may begin, light ones that take long leave them places.
    const bool is_closed = tiers == Tiers::in_turn && room.sound && !pending_.empty() &&
                           !is_open(all_in_tier_.rbegin()->first, room.sound);
    const std::uint32_t slots = is_closed ? (options_.slots + 1) / 2 : options_.slots;
    // Whatever others have, one may run.
    const auto others_leave = [&](std::uint32_t processors) {
        return processors_used_ == 0 || processors_used_ + processors <= room.slots;
    };
    std::vector<std::size_t> without_room;
    std::optional<Hold> hold;
    for (const std::size_t id : pending_) {
        Work& work = works_[id];
        if (processors_used_ >= slots || !others_leave(1)) {
            break;
        }
        if (work.state != State::pending || work.job.alone || !may_begin(work, room.sound, tiers) ||
            (running_.empty() && work.next_look > now)) {
            continue;
        }
        const bool has_room = fits(need_of(work), room.free);
        waiting_ += has_room ? 0 : 1;
        if (!has_room || processors_used_ + work.job.processors > slots ||
            !others_leave(work.job.processors)) {
            if (!hold && work.passed_over >= most_passing && !running_.empty()) {
                hold = hold_for(id, now, room);
            }
            without_room.push_back(id);
            continue;
        }
        if (hold && !may_pass(*hold, work, now)) {
            continue;
        }
        begin(id, now, room, decision, false);
        if (hold && work.expected_end > hold->until) {
            take(hold->spare, work.let_in);
            hold->spare_slots -= work.job.processors;
        }
        for (const std::size_t waits : without_room) {
            works_[waits].passed_over += 1;
        }
    }
}

/// As if those that run end when they are expected to.
Schedule::Hold Schedule::hold_for(std::size_t job, Time now, const Room& room) const {
    std::vector<std::size_t> ending = running_;
    std::sort(ending.begin(), ending.end(), [&](std::size_t a, std::size_t b) {
        return works_[a].expected_end < works_[b].expected_end;
    });
    const Work& work = works_[job];
    const TestNeed need = need_of(work);
    Hold hold{now, room.free, options_.slots - processors_used_};
    for (const std::size_t id : ending) {
        if (fits(need, hold.spare) && hold.spare_slots >= work.job.processors) {
            break;
        }
        give_back(hold.spare, works_[id].let_in);
        hold.spare_slots += works_[id].job.processors;
        hold.until = std::max(now, works_[id].expected_end);
    }
    take(hold.spare, need);
    hold.spare_slots -= std::min(hold.spare_slots, work.job.processors);
    return hold;
}

bool Schedule::may_pass(const Hold& hold, const Work& work, Time now) const {
    return now + in_time(expected_seconds(work.job)) <= hold.until ||
           (fits(need_of(work), hold.spare) && work.job.processors <= hold.spare_slots);
}

void Schedule::start_alone(Time now, Room& room, Decision& decision) {
    for (const std::size_t id : pending_) {
        Work& work = works_[id];
        if (work.state == State::pending && work.job.alone &&
            may_begin(work, true, Tiers::all_open) && fits(need_of(work), room.free)) {
            begin(id, now, room, decision, true);
            return;
        }
    }
}

/// Nothing runs and nothing fits: others hold the memory, or nothing can ever begin.
void Schedule::wait_for_others(Time now, Room& room, Decision& decision) {
    std::optional<Time> next;
    double least_share = 0;
    bool any_waits = false;
    bool was_refused = !decision.refusals.empty();
    for (const std::size_t id : pending_) {
        Work& work = works_[id];
        if (work.state != State::pending || !may_begin(work, true, Tiers::all_open)) {
            continue;
        }
        any_waits = true;
        const double share = share_of(need_of(work), options_.capacity);
        if (!decision.waits || share < least_share) {
            decision.waits = id;
            least_share = share;
        }
        if (!work.short_since) {
            work.short_since = now;
            any_short_ = true;
            work.delay = first_delay;
            work.next_look = now + work.delay;
            decision.postponed.push_back(id);
        } else if (now - *work.short_since >= options_.patience) {
            const bool is_known = work.job.basis != NeedBasis::unknown;
            const bool has_room = !is_known || fits(work.job.least, room.free);
            if (!has_room || (!room.sound && !work.job.need.devices.empty())) {
                decision.refusals.push_back(
                    {id, has_room ? Refusal::Why::not_sound : Refusal::Why::no_room,
                     work.job.need});
                finish(id, false);
                was_refused = true;
                decision.waits = decision.waits == id ? std::nullopt : decision.waits;
                continue;
            }
            begin(id, now, room, decision, true);
            decision.starts.back().regardless = true;
            return;
        } else if (work.next_look <= now) {
            work.delay = std::min(2 * work.delay, longest_delay);
            work.next_look = now + work.delay;
        }
        const Time look = std::min(work.next_look, *work.short_since + options_.patience);
        next = std::min(next.value_or(look), look);
    }
    if (was_refused) {
        next = now;  // others may have waited for it
    } else if (!any_waits) {
        for (const std::size_t id : pending_) {
            if (works_[id].state == State::pending && works_[id].blocked_by > 0) {
                decision.refusals.push_back({id, Refusal::Why::circle, works_[id].job.need});
                finish(id, false);
            }
        }
        next = now;
    }
    decision.look_again = next;
}

void Schedule::finish(std::size_t job, bool passed) {
    Work& work = works_[job];
    work.state = State::over;
    left_ -= 1;
    ended_in_tier_[work.tier] += 1;
    for (const std::size_t id : work.then) {
        Work& waiting = works_[id];
        waiting.blocked_by -= waiting.blocked_by > 0 ? 1 : 0;
        const auto& needed = waiting.job.on_success;
        if (!passed && std::find(needed.begin(), needed.end(), job) != needed.end()) {
            waiting.cannot = true;
        }
    }
}

void Schedule::ended(std::size_t job, End end, Bytes peak) {
    Family& family = families_[works_[job].job.family];
    family.ended += 1;
    family.largest = std::max(family.largest, peak);
    again(job, works_[job].job.alone);
    std::erase(pending_, job);
    finish(job, end == End::passed);
}

void Schedule::not_started(std::size_t job) {
    Work& work = works_[job];
    again(job, work.job.alone);
    pending_.pop_back();
    pending_.insert(pending_.begin(), job);
    work.short_since = work.was_short_since;
    any_short_ = any_short_ || work.short_since.has_value();
}

void Schedule::look_now() {
    for (const std::size_t id : pending_) {
        works_[id].next_look = {};
    }
}

void Schedule::again(std::size_t job, bool alone) {
    Work& work = works_[job];
    HEXCORE_CHECK(work.state == State::running, job, running_.size());
    work.state = State::pending;
    if (work.job.basis == NeedBasis::unknown) {
        families_[work.job.family].unknown_running -= 1;
    }
    for (const std::string& lock : work.job.locks) {
        locks_.erase(lock);
    }
    processors_used_ -= work.job.processors;
    alone_runs_ = false;
    std::erase(running_, job);
    work.job.alone = alone;
    pending_.push_back(job);
}

}  // namespace hexcore
