#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/ledger/ledger.hpp"
#include "hexcore/runtime/decoder.hpp"

namespace hexcore {

/// The adapters under which keys and values were computed, with their scales
/// (LoadedModel::adapter_keys()); worthless under others.
using AdapterSet = std::vector<std::string>;

/// A session's cells outside the cache: in host memory, which a ledger knows of.
struct SavedState {
    std::vector<Token> tokens;     ///< in the cells, in their order
    std::vector<std::byte> bytes;  ///< as libllama writes a sequence
    LedgerEntry entry = {};
    AdapterSet adapters = {};

    /// Gives it `size` bytes, as parked ones in those books. Fails with ErrorCode::does_not_fit
    /// where there is no memory for them.
    [[nodiscard]] Result<void> allocate(std::uint64_t size, Ledger& books);
};

/// In which pieces the tokens of a session were computed: what is computed in others has other
/// bits.
struct ComputedPieces {
    std::uint32_t piece = 0;          ///< pieces of prompts end at its multiples; 0: not known
    std::vector<std::uint32_t> ends;  ///< of all that were computed, as far as they are known
    std::uint32_t fixed = 0;          ///< SessionCells::fixed
    std::uint32_t fixed_shared = 0;   ///< SessionCells::fixed_shared

    bool operator==(const ComputedPieces&) const = default;
};

/// Which model, and which form of cache, a saved state is of; for any other it is worthless.
struct StateIdentity {
    std::string model;  ///< the name in the file
    std::string architecture;
    std::vector<std::uint64_t> file_bytes;  ///< of each part of the model
    std::vector<std::string> modified_ns;   ///< of each part, since 1970, in digits
    AdapterSet adapters;
    std::string kv_type;
    std::uint32_t session_tokens = 0;  ///< that the context has for each session; rotations differ

    [[nodiscard]] static StateIdentity of(const LoadedModel& model);
    bool operator==(const StateIdentity&) const = default;
};

}  // namespace hexcore
