#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/session/saved_state.hpp"

namespace hexcore {

/// The header of a file of a saved session, a JSON object (docs/formats/session.md).
struct SessionHeader {
    StateIdentity identity;
    std::string note;
    std::uint32_t n_tokens = 0;
    std::uint32_t cells = 0;
    std::uint64_t state_bytes = 0;
    std::string tokens_checksum;
    std::string state_checksum;
    ComputedPieces pieces = {};  ///< none where the file tells of none

    [[nodiscard]] std::string text() const;
    /// Fails with ErrorCode::bad_input where it contradicts itself or the format.
    [[nodiscard]] static Result<SessionHeader> from(std::string_view text);
};

}  // namespace hexcore
