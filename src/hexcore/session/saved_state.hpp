#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/ledger/ledger.hpp"
#include "hexcore/runtime/decoder.hpp"

namespace hexcore {

/// The adapters under which keys and values were computed, with their scales; worthless under
/// others. None yet.
using AdapterSet = std::vector<std::string>;

/// A session's cells outside the cache: in host memory, which a ledger knows of.
struct SavedState {
    std::vector<Token> tokens;     ///< in the cells, in their order
    std::vector<std::byte> bytes;  ///< as libllama writes a sequence
    LedgerEntry entry = {};
    AdapterSet adapters = {};
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

/// What a file of a saved session holds (docs/formats/session.md).
struct SessionFile {
    StateIdentity identity;
    std::vector<Token> tokens;
    std::string note;                   ///< whatever the writer wants to find again
    std::uint32_t cells = 0;            ///< the state is of so many tokens
    std::vector<std::byte> state = {};  ///< empty where only the tokens can be used
    std::string state_problem = {};     ///< why, of a file that was read
};

/// What a file that was written survives.
enum class Durability {
    machine,  ///< it is on the disk
    process,  ///< worth nothing after this process
};

/// Writes the file beside `path` and renames it, so that whoever is killed meanwhile leaves the
/// old one. Only its owner may read it. Fails with ErrorCode::negative where it cannot be written,
/// leaving nothing of the new one.
[[nodiscard]] Result<void> write_session_file(const std::filesystem::path& path,
                                              const SessionFile& content,
                                              Durability durability = Durability::machine);

/// Reads what write_session_file() wrote. Fails with ErrorCode::bad_input where the file cannot be
/// read, is none of these, is damaged in its header or its tokens, or is of another model. One
/// whose state alone is damaged, or of another kind of cache, is read without it.
[[nodiscard]] Result<SessionFile> read_session_file(const std::filesystem::path& path,
                                                    const StateIdentity& expected);

}  // namespace hexcore
