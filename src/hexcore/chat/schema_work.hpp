#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// How much work a schema may be. What common's converter and the grammar's parser do with it grows
/// with these, some of it with their cubes, and each token of an answer is held against all that
/// may come next.
struct SchemaLimits {
    static constexpr std::size_t schemas = 20'000;    ///< in each other, as often as they are used
    static constexpr std::size_t properties = 250;    ///< of one object
    static constexpr std::size_t pairs = 250'000;     ///< of properties of an object, in all
    static constexpr std::size_t types = 16;          ///< of one list
    static constexpr std::size_t alternatives = 250;  ///< in one place: of enum, anyOf and so on
    static constexpr std::size_t repetitions = 20'000;    ///< all that is counted out, together
    static constexpr std::size_t name_bytes = 1'000'000;  ///< of rules, which name all above them
    static constexpr std::size_t longest_pattern = 500;
    static constexpr std::size_t optional_repetitions =
        20;  ///< of its groups, if parts may be absent
    static constexpr std::size_t pattern_repetitions = 2'000;  ///< in one
};

/// What the schemas of one request have together.
struct SchemaCounts {
    std::size_t schemas = 0;
    std::size_t name_bytes = 0;
    std::size_t pairs = 0;
    std::size_t repetitions = 0;
};

/// Whether a JSON schema, with those that were counted before it, is within the limits, and asserts
/// what a grammar can enforce; `what` begins the sentence where it is not. Fails with
/// ErrorCode::usage, also where a reference leads to nothing but itself.
[[nodiscard]] Result<void> check_schema_work(const nlohmann::json& schema, const std::string& what,
                                             SchemaCounts& counts);

}  // namespace hexcore
