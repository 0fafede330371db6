#pragma once

#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Which of a session's tokens can be taken out of the cache while the others stay; so much of a
/// beginning can be reused, too.
enum class Forgetting {
    any_end,       ///< the last ones, however many
    in_cache,      ///< the same, until it was parked: of a window's cells those behind it are lost
    within_reach,  ///< the last ones, as far as the sliding window's cells are still there
    all_or_none,   ///< recurrent state has no parts
};
[[nodiscard]] const char* to_string(Forgetting forgetting);
/// Fails with ErrorCode::usage for what is no name of one.
[[nodiscard]] Result<Forgetting> parse_forgetting(std::string_view name);

/// What the cache of an architecture allows. A full session can always stop; a whole one can always
/// be parked, comes back, and is reused by what begins with all of it.
struct CacheAbilities {
    bool slide = true;  ///< tokens in the middle can go, and the keys of those behind be moved
    Forgetting forget = Forgetting::any_end;
    std::string why = {};  ///< why not all of it

    bool operator==(const CacheAbilities&) const = default;
};

/// "stops when it is full, and cannot slide: ...; is parked whole, and reused ...", of a session.
[[nodiscard]] std::string in_words(const CacheAbilities& abilities);

}  // namespace hexcore
