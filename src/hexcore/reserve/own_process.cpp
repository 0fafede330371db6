#include "hexcore/reserve/own_process.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/watch/process_facts.hpp"

namespace hexcore {

std::uint64_t own_pid_namespace() {
    // "pid:[4026531836]"
    const std::string link = ProcRoot().read_link("/proc/self/ns/pid").value_or("");
    std::string_view text = link;
    text.remove_prefix(std::min(text.find('[') + 1, text.size()));
    return whole_number(text.substr(0, text.find(']'))).value_or(0);
}

std::uint64_t own_start() {
    const auto facts = facts_of_process(::getpid());
    return facts ? facts->start : 0;
}

bool is_alive(std::uint32_t pid, std::uint64_t start) {
    const auto facts = facts_of_process(static_cast<pid_t>(pid));
    return facts && facts->start == start && !facts->is_over;
}

}  // namespace hexcore
