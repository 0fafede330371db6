#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

// What programs tell of themselves, beside the rows that are sampled of them.

/// No recording has more.
inline constexpr std::size_t recorded_holders_max = 4096;
inline constexpr std::size_t recorded_amounts_max = 256;  ///< of one holder at one time
inline constexpr std::size_t recorded_frames_max = 64;    ///< of one stack

/// A name that a program gave: a label, a purpose, a module of a stack.
struct RecordedText {
    std::uint64_t number = 0;  ///< in this recording, never that of another text
    std::string text;
};
/// Null: none.
using TextRef = std::shared_ptr<const RecordedText>;

enum class HolderKind : std::uint8_t { ledger, pytorch, cupy, jax, program };
[[nodiscard]] constexpr const char* to_string(HolderKind kind) {
    switch (kind) {
        case HolderKind::ledger:
            return "ledger";
        case HolderKind::pytorch:
            return "PyTorch";
        case HolderKind::cupy:
            return "CuPy";
        case HolderKind::jax:
            return "JAX";
        case HolderKind::program:
            return "program";
    }
    return "";
}

/// Something in one process that knows exactly what it holds of a device.
struct RecordedHolder {
    std::uint64_t number = 0;  ///< in this recording, from 1 on
    ProcessRef process;
    HolderKind kind = HolderKind::program;
    std::string device;  ///< as the holder names it: `host0`, `cuda:0`
    Bytes total;         ///< its budget, or what the device has; 0: not known
};
using HolderRef = std::shared_ptr<const RecordedHolder>;

struct RecordedAmount {
    TextRef name;
    Bytes bytes;
};

/// All that a holder has at one time, by name: a ledger by purpose, PyTorch `allocated` and
/// `cache`.
struct RecordedAmounts {
    RecordedTime time{};
    HolderRef holder;
    std::vector<RecordedAmount> amounts;

    [[nodiscard]] Bytes total() const {
        Bytes sum;
        for (const RecordedAmount& amount : amounts) {
            sum += amount.bytes;
        }
        return sum;
    }
};

/// A return address of a stack, as a place in the file of its module; only reports look names up.
struct RecordedFrame {
    TextRef module;  ///< the path of its file; null: not known
    std::uint64_t offset = 0;
};

struct RecordedStack {
    std::uint64_t number = 0;           ///< in this recording, from 1 on
    std::vector<RecordedFrame> frames;  ///< the innermost first
};
/// Null: none was asked for.
using StackRef = std::shared_ptr<const RecordedStack>;

enum class EventKind : std::uint8_t { taken, released, relabelled, refused };
[[nodiscard]] constexpr const char* to_string(EventKind kind) {
    switch (kind) {
        case EventKind::taken:
            return "taken";
        case EventKind::released:
            return "released";
        case EventKind::relabelled:
            return "relabelled";
        case EventKind::refused:
            return "refused";
    }
    return "";
}

/// Where in a program memory is taken. Those of one holder, by which leaks are told apart.
struct RecordedSite {
    HolderRef holder;
    TextRef purpose;  ///< what for
    TextRef label;    ///< the innermost that was open on that thread
    StackRef stack;
};

/// An allocation, or its end. What is released is of the site where it was taken.
struct RecordedEvent {
    RecordedTime time{};
    EventKind kind = EventKind::taken;
    std::uint64_t id = 0;  ///< the program's own, unique among what lives of a holder
    Bytes bytes;
    RecordedSite site;
    TextRef purpose_before;  ///< of what is relabelled: its site had this one
};

/// How a site stands at one time.
struct RecordedSiteSum {
    RecordedTime time{};
    RecordedSite site;
    Bytes bytes;                ///< alive
    std::uint64_t n_alive = 0;  ///< allocations
    std::uint64_t n_ever = 0;
};

enum class LabelEdge : std::uint8_t { begin, end };

/// A label of a thread begins or ends. The latest to begin is the first to end.
struct RecordedLabel {
    RecordedTime time{};
    LabelEdge edge = LabelEdge::begin;
    ProcessRef process;
    std::uint32_t thread = 0;  ///< the system's number
    TextRef name;
};

/// How often a label of one process has begun.
struct RecordedLabelSum {
    RecordedTime last{};  ///< when it last did
    ProcessRef process;
    TextRef name;
    std::uint64_t count = 0;
};

struct RecordedMark {
    RecordedTime time{};
    ProcessRef process;
    TextRef name;
};

/// Records that a process could not tell, because nobody read those before in time.
struct RecordedLoss {
    RecordedTime time{};
    ProcessRef process;
    std::uint64_t records = 0;
};

/// What the watched processes had at one time if pages that several have count once.
struct RecordedCountedOnce {
    RecordedTime time{};
    Bytes resident;  ///< what each has, summed up, as in rows
    /// Of each page a share for each process of the machine that has it, summed up (PSS).
    Bytes once;
    std::uint64_t n_processes = 0;
};

/// What is recorded only in sums from some time on, because a recording has a bound.
enum class SummedPart : std::uint8_t { events, labels };

}  // namespace hexcore
