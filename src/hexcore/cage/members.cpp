#include "hexcore/cage/members.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

Bytes memory_of_member(pid_t pid, MemberReading reading) {
    if (reading == MemberReading::exact) {
        return memory_of_process({}, std::to_string(pid)).value_or(Bytes());
    }
    const FileDescriptor file(fmt::format("/proc/{}/statm", pid).c_str());
    std::array<char, 256> buffer;
    const ssize_t size = file.is_open() ? file.read(buffer.data(), buffer.size()) : 0;
    std::string_view text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    (void)take_word(text);
    const Bytes resident(whole_number(take_word(text)).value_or(0));
    const Bytes shared(whole_number(take_word(text)).value_or(0));
    static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return saturating_subtract(resident, shared) * page;
}

std::vector<MemoryOwner> owners_among(const std::vector<pid_t>& pids, std::size_t count) {
    std::vector<MemoryOwner> owners;
    for (const pid_t pid : pids) {
        const Bytes bytes = memory_of_member(pid, MemberReading::exact);
        if (bytes > Bytes()) {
            owners.push_back({static_cast<std::uint32_t>(pid), {}, bytes});
        }
    }
    std::sort(owners.begin(), owners.end(), [](const MemoryOwner& a, const MemoryOwner& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.pid < b.pid;
    });
    owners.resize(std::min(owners.size(), count));
    for (MemoryOwner& owner : owners) {
        owner.name = command_of({}, owner.pid);
    }
    return owners;
}

}  // namespace hexcore
