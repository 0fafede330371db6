#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/private_file.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/session/saved_state.hpp"

namespace hexcore {

/// What a file of a saved session holds (docs/formats/session.md).
struct SessionFile {
    StateIdentity identity;
    std::vector<Token> tokens = {};
    std::string note = {};  ///< whatever the writer wants to find again
    SavedState state = {};  ///< of the first tokens; empty where only tokens can be used
    ComputedPieces pieces = {};
    std::string state_problem = {};  ///< why, of a file that was read
};

/// Whether a session could be read from there, if there is one, and kept there: to be asked before
/// anything is computed for it, and before a file is written over. Fails with ErrorCode::usage, or
/// with ErrorCode::bad_input where what is there is no saved session, and leaves it.
[[nodiscard]] Result<void> check_session_file(const std::filesystem::path& path);

/// Writes the file as PrivateFile does, leaving nothing of the new one where that fails.
[[nodiscard]] Result<void> write_session_file(const std::filesystem::path& path,
                                              const SessionFile& content,
                                              Durability durability = Durability::machine);

/// Reads what write_session_file() wrote; the state counts as parked in `books`. Fails with
/// ErrorCode::bad_input where the file cannot be read, is none of these, is damaged in its header
/// or its tokens, or is of another model. One whose state alone is damaged, has no memory, or is of
/// another kind of cache, is read without it.
[[nodiscard]] Result<SessionFile> read_session_file(const std::filesystem::path& path,
                                                    const StateIdentity& expected, Ledger& books);

}  // namespace hexcore
