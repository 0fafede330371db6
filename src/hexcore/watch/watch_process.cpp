#include "hexcore/watch/watch_process.hpp"

#include <csignal>
#include <utility>

#include "hexcore/process/held_signals.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {

Result<void> watch_process(const ProcessIdentity& process, const WatchOptions& options,
                           std::vector<RecordSink*> sinks) {
    using Clock = TreeWatch::Clock;
    const HeldSignals signals{SIGINT, SIGTERM, SIGHUP};
    HEXCORE_TRY(attached, AttachedProcess::attach(process));
    prepare_to_watch();
    TreeWatch tree(options, attached.pid(), std::move(sinks));
    tree.begin(attached.pid(), Clock::now(),
               {.writer = options.writer,
                .command = without_secrets(attached.command()),
                .attached_pid = static_cast<std::uint32_t>(attached.pid())});
    tree.follow([&](Clock::time_point time) {
        signals.wait(time, attached.descriptor());
        return attached.has_ended() || signals.take().has_value();
    });
    tree.end({.ending = attached.has_ended() ? RecordedEnding::unknown : RecordedEnding::running});
    return {};
}

}  // namespace hexcore
