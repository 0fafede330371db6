#include "hexcore/track/teller.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

namespace hexcore {
namespace {

/// More are not told of.
constexpr std::size_t holders_max = recorded_holders_max;

struct ThreadState {
    std::uint32_t number = 0;  ///< the system's; 0: not asked for yet
    std::uint16_t depth = 0;   ///< of open labels
    /// Has a Turn; 2: and forks meanwhile. A signal may look at any time.
    volatile std::sig_atomic_t telling = 0;
};
/// There from the thread's start: to make it when it is first used would take memory.
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadState this_thread;

std::uint32_t number_of_this_thread() {
    if (this_thread.number == 0) {
        this_thread.number = static_cast<std::uint32_t>(::gettid());
    }
    return this_thread.number;
}

std::uint64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

const char* variable(const char* name) {
    const char* value = ::secure_getenv(name);
    return value == nullptr || *value == '\0' ? nullptr : value;
}

bool stacks_are_wanted() {
    const char* wanted = variable(stacks_variable);
    return wanted != nullptr && std::strcmp(wanted, "1") == 0;
}

}  // namespace

/// What needs the lock is done in one: threads take turns. False where this thread has one already.
class Teller::Turn {
public:
    explicit Turn(Teller& teller) noexcept : teller_(this_thread.telling == 0 ? &teller : nullptr) {
        if (teller_ == nullptr) {
            ++teller.lost_inside_;
            return;
        }
        this_thread.telling = 1;
        if (teller.hearing_ == Hearing::unknown && stacks_are_wanted()) {
            CallStacks::warm_up();  // waits for who loads a library, and that may tell
        }
        teller.mutex_.lock();
    }
    ~Turn() {
        if (teller_ != nullptr) {
            teller_->count_lost_inside();
            teller_->mutex_.unlock();
            this_thread.telling = 0;
        }
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return teller_ != nullptr; }

private:
    Teller* teller_;
};

Teller& Teller::of_process() {
    // Takes no memory, which may come from an operator new that tells.
    alignas(Teller) static std::array<std::byte, sizeof(Teller)> place;
    static Teller& teller = *new (place.data()) Teller;
    return teller;
}

bool Teller::is_heard() noexcept {
    if (hearing_.load(std::memory_order_acquire) == Hearing::unknown) {
        if (const Turn turn(*this); turn) {
            begin();
        }
    }
    return hearing_.load(std::memory_order_relaxed) == Hearing::somebody;
}

/// Before the first time, and after a fork.
void Teller::begin() noexcept {
    if (hearing_ != Hearing::unknown) {
        return;
    }
    if (!std::exchange(has_begun_, true)) {
        stacks_wanted_ = stacks_are_wanted();
        ::pthread_atfork([] { of_process().before_fork(); }, [] { of_process().after_fork(); },
                         [] { of_process().after_fork_in_child(); });
    }
    const char* folder = variable(watch_variable);
    if (folder != nullptr && rings_[outside] == nullptr) {
        rings_[outside] = RingWriter::make(folder, ring_capacity_usual);
    }
    note_hearing();
}

void Teller::note_hearing() noexcept {
    const bool any =
        std::any_of(rings_.begin(), rings_.end(), [](const auto& ring) { return ring != nullptr; });
    hearing_.store(any ? Hearing::somebody : Hearing::nobody, std::memory_order_release);
}

void Teller::new_generation() noexcept {
    ++generation_;
    stacks_.forget_told();
}

void Teller::put(RingRecord& record) noexcept {
    record.thread = number_of_this_thread();
    record.time_ns = now_ns();
    bool was_lost = false;
    bool was_abandoned = false;
    for (auto& ring : rings_) {
        if (ring == nullptr) {
            continue;
        }
        if (ring->is_abandoned()) {
            ring.reset();
            was_abandoned = true;
        } else {
            was_lost = !ring->put(record) || was_lost;
        }
    }
    if (was_abandoned) {
        note_hearing();
    }
    if (was_lost) {
        new_generation();
    }
}

void Teller::tell(RingRecord record) noexcept {
    if (!is_heard()) {
        return;
    }
    if (const Turn turn(*this); turn) {
        put(record);
    }
}

void Teller::count_lost_inside() noexcept {
    const std::uint64_t lost = lost_inside_.exchange(0);
    if (lost == 0) {
        return;
    }
    for (const auto& ring : rings_) {
        if (ring != nullptr) {
            ring->count_lost(lost);
        }
    }
    ++generation_;
}

void Teller::tell_about(RingKind kind, HolderNumber holder, std::span<const std::uint64_t> numbers,
                        std::span<const std::string_view> texts) noexcept {
    if (holder != 0) {
        tell({.kind = kind, .holder = holder, .numbers = numbers, .texts = texts});
    }
}

void Teller::label_begins(std::string_view name) noexcept {
    const std::uint16_t depth = ++this_thread.depth;
    tell({.kind = RingKind::label_begins, .depth = depth, .texts = {&name, 1}});
}

void Teller::label_ends() noexcept {
    std::uint16_t& depth = this_thread.depth;
    if (depth == 0) {
        return;  // none is open
    }
    tell({.kind = RingKind::label_ends, .depth = depth});
    --depth;
}

void Teller::mark(std::string_view name) noexcept {
    tell({.kind = RingKind::mark, .texts = {&name, 1}});
}

void Teller::put_holder(const Holder& holder) noexcept {
    const std::uint64_t total = holder.total.count();
    const std::string_view device = holder.device;
    RingRecord record{.kind = RingKind::holder,
                      .detail = static_cast<std::uint8_t>(holder.kind),
                      .holder = holder.number,
                      .numbers = {&total, 1},
                      .texts = {&device, 1}};
    put(record);
}

HolderNumber Teller::open_holder(HolderKind kind, std::string_view device, Bytes total) noexcept {
    if (!is_heard()) {
        return 0;
    }
    const Turn turn(*this);
    if (!turn || holders_.size() >= holders_max) {
        return 0;
    }
    holders_.push_back(
        {++last_holder_, kind, std::string(device.substr(0, ring_text_bytes_max)), total});
    put_holder(holders_.back());
    return last_holder_;
}

void Teller::close_holder(HolderNumber holder) noexcept {
    if (holder == 0) {
        return;
    }
    tell_about(RingKind::holder_ends, holder, {});
    if (const Turn turn(*this); turn) {
        std::erase_if(holders_, [&](const Holder& each) { return each.number == holder; });
    }
}

void Teller::amounts(HolderNumber holder, std::span<const std::string_view> names,
                     std::span<const std::uint64_t> bytes) noexcept {
    const std::size_t count = std::min({names.size(), bytes.size(), recorded_amounts_max});
    tell_about(RingKind::amounts, holder, bytes.first(count), names.first(count));
}

void Teller::taken(HolderNumber holder, std::uint64_t id, Bytes bytes,
                   std::string_view purpose) noexcept {
    if (holder == 0 || !is_heard()) {
        return;
    }
    const Turn turn(*this);
    if (!turn) {
        return;
    }
    const std::array<std::uint64_t, 3> numbers{id, bytes.count(), stacks_wanted_ ? stack_now() : 0};
    RingRecord record{
        .kind = RingKind::taken, .holder = holder, .numbers = numbers, .texts = {&purpose, 1}};
    put(record);
}

std::uint64_t Teller::stack_now() noexcept {
    const auto put_all = [this](RingRecord record) {
        const std::uint64_t before = generation_;
        put(record);
        return generation_ == before;
    };
    return stacks_.number_of_now(
        [&](std::uint64_t number, std::string_view path) {
            return put_all(
                {.kind = RingKind::module, .numbers = {&number, 1}, .texts = {&path, 1}});
        },
        [&](std::span<const std::uint64_t> numbers) {
            return put_all({.kind = RingKind::stack, .numbers = numbers});
        });
}

void Teller::released(HolderNumber holder, std::uint64_t id, Bytes bytes,
                      std::string_view purpose) noexcept {
    const std::array<std::uint64_t, 2> numbers{id, bytes.count()};
    if (bytes == Bytes()) {
        tell_about(RingKind::released, holder, {&id, 1});
    } else {
        tell_about(RingKind::released, holder, numbers, {&purpose, 1});
    }
}

void Teller::relabelled(HolderNumber holder, std::uint64_t id, Bytes bytes,
                        std::string_view purpose, std::string_view purpose_before) noexcept {
    const std::array<std::uint64_t, 2> numbers{id, bytes.count()};
    const std::array<std::string_view, 2> purposes{purpose, purpose_before};
    tell_about(RingKind::relabelled, holder, numbers, purposes);
}

void Teller::refused(HolderNumber holder, Bytes bytes, std::string_view purpose) noexcept {
    const std::array<std::uint64_t, 2> numbers{0, bytes.count()};
    tell_about(RingKind::refused, holder, numbers, {&purpose, 1});
}

bool Teller::listen_in(const std::string& folder) noexcept {
    const Turn turn(*this);
    if (!turn) {
        return false;
    }
    begin();
    rings_[inside] = RingWriter::make(folder, ring_capacity_usual);
    note_hearing();
    if (rings_[inside] == nullptr) {
        return false;
    }
    new_generation();
    for (const Holder& holder : holders_) {
        put_holder(holder);
    }
    return true;
}

void Teller::stop_in() noexcept {
    if (const Turn turn(*this); turn) {
        rings_[inside].reset();
        note_hearing();
    }
}

void Teller::before_fork() noexcept {
    this_thread.telling = this_thread.telling + 1;
    if (this_thread.telling == 1) {
        mutex_.lock();
    }
}

void Teller::after_fork() noexcept {
    if (this_thread.telling == 1) {
        mutex_.unlock();
    }
    this_thread.telling = this_thread.telling - 1;
}

/// The rings are the parent's, and so is what its holders have.
void Teller::after_fork_in_child() noexcept {
    this_thread.number = 0;
    if (this_thread.telling == 1) {
        for (auto& ring : rings_) {
            ring.reset();
        }
        holders_.clear();
        new_generation();
        hearing_ = Hearing::unknown;
    } else {  // what was begun will be told to the end
        for (const auto& ring : rings_) {
            if (ring != nullptr) {
                ring->leave_to_parent();
            }
        }
    }
    after_fork();
}

}  // namespace hexcore
