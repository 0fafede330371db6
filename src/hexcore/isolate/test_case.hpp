#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/cage/limits.hpp"

namespace hexcore {

enum class Framework { googletest, catch2, ctest, pytest };

/// What a test may take: declared by itself or in hexcore.toml, and enforced.
struct TestBudget {
    std::optional<Bytes> memory = {};  ///< of all its processes together
    std::vector<DeviceLimit> devices = {};
};

/// A test as its framework lists it.
struct TestCase {
    std::string id;      ///< unique in the run: what people read and filter by
    std::string name;    ///< the framework's own, byte for byte
    std::string binary;  ///< the program, for history
    /// Tests of one group may share a process, as those of a Python module do; empty: a process of
    /// its own.
    std::string group = {};
    bool isolated = false;  ///< asks for a process of its own
    TestBudget budget = {};
    std::optional<std::chrono::milliseconds> timeout = {};
    std::vector<std::string> tags = {};
    std::vector<std::string> depends_on = {};  ///< ids: it starts after them, whatever they say
    std::vector<std::string> locks = {};       ///< never beside another test with one of these
    std::vector<std::string> fixtures_setup = {};
    std::vector<std::string> fixtures_cleanup = {};
    std::vector<std::string> fixtures_required = {};
    std::uint32_t processors = 1;
    bool run_serial = false;    ///< never beside any other test
    double cost = 0;            ///< larger ones first, where nothing better is known
    std::string disabled = {};  ///< why it does not run; empty: it runs
    std::string file = {};
    std::uint32_t line = 0;  ///< 0: not known
};

}  // namespace hexcore
