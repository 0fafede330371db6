#include "hexcore/cage/supervisor/words.hpp"

#include <string_view>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

/// Takes an option with its value. False: it is none, or the value is not what it should be.
bool take_option(SupervisorTask& task, std::string_view option, const char* value) {
    const auto number = whole_number(value);
    if (option == "--control" && number) {
        task.control = static_cast<int>(*number);
    } else if (option == "--adopt" && number) {
        task.adopted = static_cast<pid_t>(*number);
    } else if (option == "--data-limit" && number) {
        task.data_limit = *number;
    } else if (option == "--group") {
        task.groups.push_back(value);
    } else if (option == "--kill") {
        task.kill_file = value;
    } else if (option == "--yard") {
        task.yards.push_back(value);
    } else if (option == "--scratch") {
        task.scratch = value;
    } else if (option == "--folder") {
        task.folder = value;
    } else {
        return false;
    }
    return true;
}

}  // namespace

std::optional<SupervisorTask> read_task(int argc, char** argv) {
    SupervisorTask task;
    for (int at = 1; at < argc; ++at) {
        const std::string_view word = argv[at];
        if (word == "--") {
            task.command = argv + at + 1;
            break;
        }
        if (word == "--foreground") {
            task.foreground = true;
        } else if (word == "--own-shares") {
            task.own_shares = true;
        } else if (word == "--keep") {
            task.keeps = true;
        } else if (at + 1 < argc && take_option(task, word, argv[at + 1])) {
            ++at;
        } else {
            return std::nullopt;
        }
    }
    const bool has_command = task.command != nullptr && *task.command != nullptr;
    if (task.control < 0 || has_command == (task.adopted != 0)) {
        return std::nullopt;
    }
    return task;
}

}  // namespace hexcore
