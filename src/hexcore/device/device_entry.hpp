#pragma once

#include <string>
#include <vector>

namespace hexcore {

/// What a list has of a device, by the name that each entry calls `device`; added where it is
/// missing.
template <typename Entry>
[[nodiscard]] Entry& entry_of(std::vector<Entry>& entries, const std::string& device) {
    for (Entry& entry : entries) {
        if (entry.device == device) {
            return entry;
        }
    }
    entries.emplace_back();
    entries.back().device = device;
    return entries.back();
}

}  // namespace hexcore
