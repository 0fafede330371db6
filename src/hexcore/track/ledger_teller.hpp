#pragma once

#include <cstdint>

#include "hexcore/ledger/ledger_sink.hpp"
#include "hexcore/track/teller.hpp"

namespace hexcore {

/// Tells whoever watches this process each change of a ledger. It must be a sink of that one
/// alone, and outlive it.
class LedgerTeller final : public LedgerSink {
public:
    /// `total`: the ledger's limit; 0: it has none.
    explicit LedgerTeller(Bytes total) : total_(total) {}
    ~LedgerTeller() override;

    void told(const LedgerEvent& event) noexcept override;

private:
    void tell_amounts(const Usage& held) noexcept;

    Bytes total_;
    HolderNumber holder_ = 0;
    std::uint64_t generation_ = 0;  ///< of the teller, when the amounts were told
};

}  // namespace hexcore
