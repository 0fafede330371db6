#include "hexcore/isolate/admission.hpp"

#include "hexcore/isolate/job_order.hpp"
#include "hexcore/isolate/running_jobs.hpp"

namespace hexcore {

Room Admission::room(const RoomReading& reading, Time now) {
    Room room{reading.free, reading.unreturned.empty()};
    for (const auto& job : parts_.running) {
        take(room.free, job->still_to_take());
    }
    if (parts_.claims != nullptr) {
        parts_.claims->limit(room, reading, now);
        if (parts_.claims->has_got()) {
            parts_.schedule.look_now();
        }
    }
    slots_ = room.slots;
    return room;
}

bool Admission::is_covered(const Schedule::Start& start) {
    if (parts_.claims == nullptr || start.regardless) {
        return true;
    }
    RunTaken taken = taken_by(parts_.running);
    const std::uint32_t least = parts_.running.empty() ? start.processors : taken.processors;
    add(taken.let_in, start.need);
    taken.processors += start.processors;
    return parts_.claims->cover(taken, least, start.need);
}

bool Admission::settle(const std::optional<std::string>& test, const Schedule::Decision& decision,
                       Time now) {
    if (parts_.claims == nullptr) {
        return false;
    }
    const bool waits = test && decision.waits && parts_.running.empty();
    parts_.claims->wait_for(
        waits ? *test : "",
        waits ? std::optional(parts_.schedule.need_of(*decision.waits)) : std::nullopt);
    const RunTaken taken = taken_by(parts_.running);
    parts_.claims->settle(taken, parts_.schedule.any_pending() && taken.processors >= slots_, now);
    if (const std::string problem = parts_.claims->take_problem(); !problem.empty()) {
        parts_.events.says(problem);
    }
    return parts_.claims->has_got();
}

std::optional<Admission::Time> Admission::next_look() const {
    return parts_.claims == nullptr ? std::nullopt : parts_.claims->next_look();
}

RoomFacts Admission::facts(const TestMachine& machine, const RoomReading& reading,
                           std::chrono::milliseconds patience) const {
    RoomFacts facts{machine, reading.free, patience,
                    parts_.room.holders(processes_of(parts_.running))};
    facts.unreturned = reading.unreturned;
    if (parts_.claims != nullptr) {
        take(facts.free, parts_.claims->reserved());
        facts.reserved = parts_.claims->holders();
    }
    return facts;
}

void Admission::tell_others() const {
    if (parts_.claims == nullptr) {
        return;
    }
    for (const std::string& sentence : {parts_.claims->core_holders(), parts_.claims->holders()}) {
        if (!sentence.empty()) {
            parts_.events.says(sentence);
        }
    }
}

}  // namespace hexcore
