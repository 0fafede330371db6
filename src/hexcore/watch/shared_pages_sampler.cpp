#include "hexcore/watch/shared_pages_sampler.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "hexcore/device/memory_holder.hpp"
#include "hexcore/recording/told_records.hpp"
#include "hexcore/watch/look_schedule.hpp"

namespace hexcore {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

microseconds time_of_looking_thread() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return microseconds(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000);
}

}  // namespace

struct SharedPagesSampler::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;
    bool is_looking = false;
    bool is_asked_look = false;
    bool done = false;
    Bytes most_resident;  ///< when there was a look
    LookSchedule schedule;
    std::vector<std::uint32_t> pids;
    std::atomic<bool> asked{true};  ///< the first look waits for nothing
    std::atomic<std::int64_t> spent_us{0};
    SharedPagesSampling sampling;
    std::shared_ptr<RecordFan> fan;

    [[nodiscard]] RecordedCountedOnce look() const {
        RecordedCountedOnce counted;
        for (const std::uint32_t pid : pids) {
            if (const auto held = shared_memory_of_process({}, std::to_string(pid))) {
                counted.resident += held->resident;
                counted.once += held->once;
                ++counted.n_processes;
            }
        }
        return counted;
    }

    void work() {
        std::unique_lock lock(mutex);
        while (true) {
            changed.wait(lock, [this] { return stopped || is_looking; });
            if (stopped) {
                break;
            }
            pids.clear();
            sampling.list(pids);
            const auto at =
                std::chrono::duration_cast<RecordedTime>(steady_clock::now() - sampling.start);
            const microseconds before = time_of_looking_thread();
            lock.unlock();
            RecordedCountedOnce counted = look();
            lock.lock();
            const microseconds cost = time_of_looking_thread() - before;
            spent_us += cost.count();
            schedule.looked(at, counted.resident, is_asked_look, cost);
            counted.time = at;
            if (!stopped && counted.n_processes > 0) {
                fan->counted_once(counted);
            }
            is_looking = false;
        }
        done = true;
        changed.notify_all();
    }
};

std::unique_ptr<SharedPagesSampler> SharedPagesSampler::make(SharedPagesSampling sampling,
                                                             std::shared_ptr<RecordFan> fan) {
    if (!tells_shared_memory({})) {
        return nullptr;
    }
    auto shared = std::make_shared<Shared>();
    shared->sampling = std::move(sampling);
    shared->fan = std::move(fan);
    try {
        std::thread([shared] { shared->work(); }).detach();
    } catch (const std::system_error&) {
        return nullptr;
    }
    return std::unique_ptr<SharedPagesSampler>(new SharedPagesSampler(std::move(shared)));
}

SharedPagesSampler::SharedPagesSampler(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)) {}

void SharedPagesSampler::sampled(RecordedTime now, Bytes resident) {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->is_looking || shared_->stopped) {
        return;
    }
    if (resident * 8 > shared_->most_resident * 9) {
        shared_->asked = true;
    }
    const bool is_asked = shared_->asked;
    if (!shared_->schedule.is_due(now, resident, is_asked)) {
        return;
    }
    shared_->asked = false;
    shared_->most_resident = std::max(shared_->most_resident, resident);
    shared_->is_asked_look = is_asked;
    shared_->is_looking = true;
    shared_->changed.notify_all();
}

void SharedPagesSampler::ask() noexcept { shared_->asked = true; }

void SharedPagesSampler::stop() {
    std::unique_lock lock(shared_->mutex);
    shared_->stopped = true;
    shared_->changed.notify_all();
    if (!shared_->is_looking) {
        shared_->changed.wait(lock, [this] { return shared_->done; });
    }
}

microseconds SharedPagesSampler::spent() const { return microseconds(shared_->spent_us); }

}  // namespace hexcore
