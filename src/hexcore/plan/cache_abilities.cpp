#include "hexcore/plan/cache_abilities.hpp"

#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

constexpr Forgetting all_of_them[] = {Forgetting::any_end, Forgetting::in_cache,
                                      Forgetting::within_reach, Forgetting::all_or_none};

const char* reused(Forgetting forgetting) {
    switch (forgetting) {
        case Forgetting::any_end:
            return "from any beginning";
        case Forgetting::in_cache:
            return "from any beginning until it was parked, then as far as its window's cells are "
                   "there";
        case Forgetting::within_reach:
            return "as far as its window's cells are there";
        case Forgetting::all_or_none:
            return "whole or not at all";
    }
    HEXCORE_CHECK(false, static_cast<int>(forgetting), "unknown");
    return "";
}

}  // namespace

const char* to_string(Forgetting forgetting) {
    switch (forgetting) {
        case Forgetting::any_end:
            return "any end";
        case Forgetting::in_cache:
            return "any end in the cache";
        case Forgetting::within_reach:
            return "within the window";
        case Forgetting::all_or_none:
            return "all or none";
    }
    HEXCORE_CHECK(false, static_cast<int>(forgetting), "unknown");
    return "";
}

Result<Forgetting> parse_forgetting(std::string_view name) {
    for (const Forgetting one : all_of_them) {
        if (name == to_string(one)) {
            return one;
        }
    }
    return fail(ErrorCode::usage, "'{}' does not say which tokens can be forgotten", name);
}

std::string in_words(const CacheAbilities& abilities) {
    return fmt::format("{}; is parked whole, and reused {}",
                       abilities.slide
                           ? "stops or slides when it is full"
                           : "stops when it is full, and cannot slide: " + abilities.why,
                       reused(abilities.forget));
}

}  // namespace hexcore
