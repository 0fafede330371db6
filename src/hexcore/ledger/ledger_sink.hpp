#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hexcore/base/result.hpp"
#include "hexcore/ledger/usage.hpp"

namespace hexcore {

/// What happened to the memory of one device, and how the books stand afterwards. What it refers to
/// lives for as long as it is told.
struct LedgerEvent {
    enum class Kind {
        taken_ahead,  ///< reserved for what will be asked for
        taken,        ///< for a purpose; also what was taken ahead, once it is asked for
        relabelled,   ///< its purpose is another than was known before
        released,     ///< written off, just before the memory itself is given back
        refused,      ///< could not be had, or must not be taken, as `why` says
    };
    Kind kind;
    const std::string& device;
    /// Empty for what is or was taken ahead, and for refusals of no certain memory.
    std::optional<Purpose> purpose;
    std::optional<Purpose> purpose_before = {};  ///< of what is relabelled
    Bytes bytes;                                 ///< 0 for refusals of no certain memory
    std::uint64_t id;                            ///< of the entry, as long as it lives
    const Usage& held;                           ///< by purpose, without what is taken ahead
    Bytes ahead;
    const Error* why = nullptr;  ///< of a refusal, else null
};

/// Told what happens to a device's memory, on the thread where it happens and in the order in which
/// it does. Must not ask the ledger, which waits meanwhile, and must outlive it.
class LedgerSink {
public:
    LedgerSink() = default;
    LedgerSink(const LedgerSink&) = delete;
    LedgerSink& operator=(const LedgerSink&) = delete;
    virtual ~LedgerSink() = default;
    virtual void told(const LedgerEvent& event) noexcept = 0;
};

}  // namespace hexcore
