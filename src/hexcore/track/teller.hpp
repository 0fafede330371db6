#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/recording/told_records.hpp"
#include "hexcore/track/call_stacks.hpp"
#include "hexcore/track/ring_writer.hpp"

namespace hexcore {

/// A holder of this process; 0: nobody listens, and every call with it does nothing.
using HolderNumber = std::uint32_t;

/// The one place where a process tells what it does: to the watcher that HEXCORE_WATCH names, and
/// to one in the process itself. Where nobody listens every call is a look at an atomic. None ever
/// waits, except for another thread that tells; what cannot be told is lost, and counted. Safe to
/// use from several threads, and across fork: a child tells for itself. What a thread tells while
/// it tells already (its own operator new, a signal) would wait for itself: it is lost, too.
class Teller {
public:
    /// Never ends: what is given back at the exit is told, too.
    [[nodiscard]] static Teller& of_process();
    Teller(const Teller&) = delete;
    Teller& operator=(const Teller&) = delete;

    [[nodiscard]] bool is_heard() noexcept;

    /// Of this thread; nested.
    void label_begins(std::string_view name) noexcept;
    void label_ends() noexcept;
    void mark(std::string_view name) noexcept;

    /// `total`: a budget, or what the device has; 0: not known.
    [[nodiscard]] HolderNumber open_holder(HolderKind kind, std::string_view device,
                                           Bytes total) noexcept;
    /// It has nothing any more.
    void close_holder(HolderNumber holder) noexcept;
    /// All that it has now, by name: as many names as bytes, recorded_amounts_max at most.
    void amounts(HolderNumber holder, std::span<const std::string_view> names,
                 std::span<const std::uint64_t> bytes) noexcept;
    /// `id` is the caller's, unique among what lives of the holder.
    void taken(HolderNumber holder, std::uint64_t id, Bytes bytes,
               std::string_view purpose) noexcept;
    /// By bytes and purpose, where they are known, who never heard that it was taken keeps the sums
    /// of the holder right.
    void released(HolderNumber holder, std::uint64_t id, Bytes bytes = {},
                  std::string_view purpose = {}) noexcept;
    void relabelled(HolderNumber holder, std::uint64_t id, Bytes bytes, std::string_view purpose,
                    std::string_view purpose_before) noexcept;
    void refused(HolderNumber holder, Bytes bytes, std::string_view purpose) noexcept;

    /// Another number when something was lost, or somebody new listens: who tells changes alone
    /// has to tell all once more.
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_.load(); }

    /// A watcher in this process listens in that folder, too, until stop_in(). One at a time.
    [[nodiscard]] bool listen_in(const std::string& folder) noexcept;
    void stop_in() noexcept;

private:
    Teller() = default;
    class Turn;
    /// By whom a ring is read.
    enum Listener : std::size_t { outside, inside, n_listeners };
    enum class Hearing { unknown, nobody, somebody };
    struct Holder {
        HolderNumber number = 0;
        HolderKind kind = HolderKind::program;
        std::string device;
        Bytes total;
    };

    void tell(RingRecord record) noexcept;
    void tell_about(RingKind kind, HolderNumber holder, std::span<const std::uint64_t> numbers,
                    std::span<const std::string_view> texts = {}) noexcept;
    // These need a Turn.
    void begin() noexcept;
    void put(RingRecord& record) noexcept;
    void put_holder(const Holder& holder) noexcept;
    [[nodiscard]] std::uint64_t stack_now() noexcept;
    void note_hearing() noexcept;
    void new_generation() noexcept;

    void count_lost_inside() noexcept;

    void before_fork() noexcept;
    void after_fork() noexcept;
    void after_fork_in_child() noexcept;

    std::atomic<Hearing> hearing_{Hearing::unknown};
    std::atomic<std::uint64_t> generation_{1};
    std::atomic<std::uint64_t> lost_inside_{0};  ///< told by who was telling, not counted yet
    std::mutex mutex_;
    bool has_begun_ = false;
    std::array<std::unique_ptr<RingWriter>, n_listeners> rings_;
    std::vector<Holder> holders_;
    HolderNumber last_holder_ = 0;
    bool stacks_wanted_ = false;  ///< by the environment, with what is taken
    CallStacks stacks_;
};

}  // namespace hexcore
