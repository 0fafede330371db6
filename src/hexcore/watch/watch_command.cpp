#include "hexcore/watch/watch_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "hexcore/device/cgroup_events.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/ended_by.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {

using std::chrono::steady_clock;

Result<CommandEnd> watch_command(const WatchOptions& options, std::vector<RecordSink*> sinks) {
    TreeWatch tree(options, ::getpid(), std::move(sinks));
    const std::vector<CgroupEvents> events_before = cgroup_events();
    const Bytes own = high_water_of_process({}, "self").value_or(Bytes());
    HEXCORE_TRY(command, ForegroundCommand::start(
                             options.command, tree.let_programs_tell().variables(options.stacks)));
    const auto start = steady_clock::now();
    prepare_to_watch();
    if (command->begins()) {
        tree.begin(command->pid(), start,
                   {.writer = options.writer, .command = without_secrets(options.command)});
        tree.follow([&](steady_clock::time_point time) { return command->wait_until(time); });
    }
    const bool ended = command->wait_until(steady_clock::time_point::max());
    HEXCORE_CHECK(ended, command->pid(), ended);
    HEXCORE_TRY(outcome, command->end());
    RecordedEnd end{.signalled = outcome.signalled, .code = outcome.code};
    // The child begins as a copy of this process, which counts for it.
    if (outcome.largest_process > std::max(own, tree.most()) + counting_noise) {
        end.largest_process = outcome.largest_process;
    }
    if (outcome.signalled && outcome.code == SIGKILL) {
        const EndedBy by = ended_by(events_before, cgroup_events());
        end.killed_by = by.killed_by;
        end.cgroup = by.cgroup;
    }
    tree.end(end);
    return outcome;
}

}  // namespace hexcore
