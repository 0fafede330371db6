#include "hexcore/isolate/shortage.hpp"

#include "hexcore/isolate/room_words.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// Ending one that has less would not help.
constexpr Bytes worth_ending = 16_MiB;
/// By then the memory of one that was killed is back, or never.
constexpr std::chrono::nanoseconds after_a_kill = 1s;

}  // namespace

void MemoryShortage::mind(const RoomReading& reading, const RunningJobs& running,
                          std::chrono::nanoseconds now) {
    if (!reading.unreturned.empty() && !said_unreturned_) {
        events_.says(reading.unreturned + "; heavier tests wait");
    }
    said_unreturned_ = !reading.unreturned.empty();
    if (!reading.is_short) {
        said_short_ = false;
        return;
    }
    RunningJob* biggest = nullptr;
    for (const auto& job : running) {
        const auto killed = job->killed_at();
        if (killed && now - *killed < after_a_kill) {
            return;  // what that gives is not known yet
        }
        // One that is asked to end, and does not, is no reason to wait.
        if (!killed && (biggest == nullptr || job->held() > biggest->held())) {
            biggest = job.get();
        }
    }
    if (biggest != nullptr && biggest->held() >= worth_ending) {
        biggest->kill(EndedByUs::memory_short, now, reading.left);
    } else if (!said_short_) {
        said_short_ = true;
        events_.says(short_text(reading.left, room_.holders(processes_of(running))));
    }
}

}  // namespace hexcore
