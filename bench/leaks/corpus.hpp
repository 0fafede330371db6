#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "hexcore/tracker.h"

namespace leaks {

inline constexpr std::size_t kib = 1024;
inline constexpr std::size_t mib = 1024 * kib;

/// Whether it tells its allocations, or is only sampled.
enum class Mode { told, sampled };

/// What a case has to work with: memory that is told and taken, or only one of both.
class Program {
public:
    Program(Mode mode, std::uint64_t seed) : mode_(mode), random_(seed) {}
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    struct Block {
        void* memory = nullptr;
        hexcore_holder holder = 0;
        std::uint64_t id = 0;
        std::size_t size = 0;
    };
    /// Every page of it is in use. Of a device that is not the host it is only told.
    Block take(std::size_t size, const char* purpose = "work", const char* device = "host");
    void give(const Block& block);
    void give(std::vector<Block>& blocks);
    /// From `least` to `most`.
    std::size_t any(std::size_t least, std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(least, most)(random_);
    }
    [[nodiscard]] Mode mode() const { return mode_; }
    [[nodiscard]] hexcore_holder holder(const char* device, int kind = HEXCORE_HOLDER_PROGRAM);

private:
    Mode mode_;
    std::mt19937_64 random_;
    std::uint64_t id_ = 0;
    std::map<std::string, hexcore_holder> holders_;
};

/// What one repeat does; it holds the state.
using Repeat = std::function<void(Program&)>;

enum class Truth { leak, driver, cache, pool, none, unknowable };

struct Case {
    const char* name;
    Truth truth;
    std::size_t told;     ///< repeats with allocations told; 0: not so
    std::size_t sampled;  ///< repeats with samples only; 0: samples cannot show it
    std::function<Repeat()> make;
};

[[nodiscard]] std::vector<Case> leaking_cases();
[[nodiscard]] std::vector<Case> bounded_cases();

}  // namespace leaks
