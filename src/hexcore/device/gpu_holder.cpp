#include "hexcore/device/gpu_holder.hpp"

#include <filesystem>
#include <system_error>

#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

// The kernel's PROC_PID_INIT_INO: the number of the first pid namespace on every Linux machine.
constexpr std::string_view first_pid_namespace = "pid:[4026531836]";

}  // namespace

HolderNames::HolderNames(ProcRoot root)
    : root_(std::move(root)),
      in_container_(
          root_.read_link("/proc/self/ns/pid").value_or(std::string(first_pid_namespace)) !=
          first_pid_namespace) {}

bool HolderNames::uses_gpu(const std::string& folder) const {
    std::error_code error;
    const std::string descriptors = folder + "/fd/";
    for (std::filesystem::directory_iterator file(root_.path(descriptors), error), end;
         !error && file != end; file.increment(error)) {
        const auto target =
            root_.read_link(fmt::format("{}{}", descriptors, file->path().filename().string()));
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
    return command_of(root_, pid);
}

}  // namespace hexcore
