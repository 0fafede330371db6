#pragma once

namespace hexcore {

/// While one lives, libllama maps model files on this thread without having the kernel read them.
/// Else it has whole files read before it goes on (MAP_POPULATE), by a call that shows no progress
/// and that no interrupt ends, and what does not stay in memory is read once more when it is needed
/// (decision 13).
class UnreadMapping {
public:
    UnreadMapping();
    ~UnreadMapping();
    UnreadMapping(const UnreadMapping&) = delete;
    UnreadMapping& operator=(const UnreadMapping&) = delete;
};

}  // namespace hexcore
