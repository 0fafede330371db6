#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace hexcore {

/// How many of something are followed at a time, of all that programs tell together: what a program
/// tells must not fill the memory of who listens.
class ToldBudget {
public:
    ToldBudget(std::size_t most, const char* what) : most_(most), what_(what) {}

    /// False: there are too many already. It is counted, and not to be followed.
    [[nodiscard]] bool take() {
        if (followed_ >= most_) {
            ++beyond_;
            return false;
        }
        ++followed_;
        return true;
    }
    /// So many are not followed any more.
    void give_back(std::size_t count) { followed_ -= count; }

    /// A sentence on those that were not followed, or nothing.
    [[nodiscard]] std::string note() const {
        return beyond_ == 0
                   ? ""
                   : fmt::format("{} {} beyond {} were not followed. ", beyond_, what_, most_);
    }

private:
    std::size_t most_;
    const char* what_;
    std::size_t followed_ = 0;
    std::uint64_t beyond_ = 0;
};

}  // namespace hexcore
