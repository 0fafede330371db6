#include "hexcore/device/gpu_holder.hpp"

#include <filesystem>
#include <system_error>

namespace hexcore {
namespace {

// The kernel's PROC_PID_INIT_INO: the number of the first pid namespace on every Linux machine.
constexpr std::string_view first_pid_namespace = "pid:[4026531836]";

std::string_view file_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1);  // npos + 1 is 0: no slash, the whole text
}

}  // namespace

HolderNames::HolderNames(ProcRoot root)
    : root_(std::move(root)),
      in_container_(
          root_.read_link("/proc/self/ns/pid").value_or(std::string(first_pid_namespace)) !=
          first_pid_namespace) {}

bool HolderNames::uses_gpu(const std::string& folder) const {
    std::error_code error;
    for (std::filesystem::directory_iterator file(root_.path(folder + "/fd"), error), end;
         !error && file != end; file.increment(error)) {
        const auto name = file->path().filename().string();
        const auto target = root_.read_link(folder + "/fd/" + name);
        if (target && target->starts_with("/dev/nvidia")) {
            return true;
        }
    }
    return false;
}

std::string HolderNames::command(std::uint32_t pid) const {
    const std::string folder = fmt::format("/proc/{}", pid);
    if (in_container_ && !uses_gpu(folder)) {
        return {};
    }
    // A process that ends meanwhile, or belongs to another user, is one without a name.
    const auto line = root_.read_if_there(folder + "/cmdline");
    if (line && *line && !(*line)->empty()) {
        const std::string& words = **line;  // each ended by a zero byte
        const std::string_view program(words.c_str());
        std::string command(file_name(program));
        if (program.size() + 1 < words.size()) {
            const std::string_view argument(words.c_str() + program.size() + 1);
            if (!argument.empty() && !argument.starts_with('-')) {
                command += fmt::format(" {}", file_name(argument));
            }
        }
        return command;
    }
    const auto name = root_.read_if_there(folder + "/comm");
    if (!name || !*name) {
        return {};
    }
    std::string_view text(**name);
    return std::string(take_line(text));
}

}  // namespace hexcore
