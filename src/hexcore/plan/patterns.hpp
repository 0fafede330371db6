#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// How one layer's experts lie best when memory is no concern.
struct Pattern {
    Counts counts{};
    double seconds = 0;
};

/// Finds and remembers the fastest pattern of each kind of layer on each home device: everything at
/// home, or spread in proportion to bandwidth over the home and its nearest devices and then
/// bettered expert by expert.
class Patterns {
public:
    explicit Patterns(Problem& problem) : problem_(problem) {}

    const Pattern& best(std::uint32_t kind, std::uint32_t home);

private:
    [[nodiscard]] Pattern search(std::uint32_t kind, std::uint32_t home);
    void better(std::uint32_t kind, std::uint32_t home, Pattern& pattern);

    Problem& problem_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, Pattern> known_;
};

}  // namespace hexcore
