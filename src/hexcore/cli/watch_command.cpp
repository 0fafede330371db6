#include "hexcore/watch/watch_command.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <system_error>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/end_now.hpp"
#include "hexcore/base/state_home.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/live_view.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/cli/tellers.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/version.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/recording/recordings_in_progress.hpp"
#include "hexcore/recording/viewed_recording.hpp"
#include "hexcore/report/watch_summary.hpp"
#include "hexcore/watch/analysis.hpp"
#include "hexcore/watch/watch_process.hpp"

namespace hexcore {
namespace {

struct WatchFlags {
    std::string output;
    std::optional<double> interval_ms;
    std::string alert;  ///< a size; empty: none
    bool python = false;
    bool stacks = false;
    std::vector<std::string> neutral;       ///< labels
    std::uint32_t pid = 0;                  ///< of a process that runs already; 0: none
    std::vector<std::string> without_mark;  ///< words of a command that no `--` stands before
};

/// Where the recording goes; nothing, and why, where there is no place for it.
struct RecordingPlace {
    std::filesystem::path path;
    std::unique_ptr<RecordingWriter> writer;
    std::string problem;
    bool is_new = true;
};

Result<RecordingPlace> make_place(const WatchFlags& flags, const std::string& program) {
    const std::filesystem::path folder = default_recordings_folder();
    auto made = flags.output.empty() ? new_recording(folder, program) : recording_at(flags.output);
    if (!made && !flags.output.empty()) {
        return tl::unexpected(made.error());
    }
    if (!made) {  // the command is what matters
        return RecordingPlace{{}, nullptr, made.error().message};
    }
    prune_recordings(folder);
    HEXCORE_TRY(writer, RecordingWriter::make(std::move(made->file)));
    return RecordingPlace{made->path, std::move(writer), {}, made->is_new};
}

std::string place_text(const RecordingPlace& place) {
    if (place.writer == nullptr) {
        return "There is no recording: " + place.problem + ".";
    }
    const std::string path = printable(place.path.string());
    if (!place.writer->problem().empty()) {
        return fmt::format("The recording ends before the command did ({}): {}",
                           place.writer->problem(), path);
    }
    // Without a name, report takes the newest of those that are kept by themselves.
    const bool is_newest = place.path.parent_path() == default_recordings_folder();
    const std::string elsewhere = is_newest ? find_state_home().why_elsewhere : "";
    return fmt::format(
        "Recording: {}; hexcore report {}-o report.html{}", path, is_newest ? "" : path + " ",
        elsewhere.empty() ? "" : fmt::format(" (it is there because {})", printable(elsewhere)));
}

/// A line on stderr for each of the first; all are marks of the recording.
class AlertLines {
public:
    void operator()(const Alert& alert) {
        constexpr int most = 20;
        if (++n_ > most) {
            return;
        }
        const double s = std::chrono::duration<double>(alert.at).count();
        complain(fmt::format("{} after {}: {} in use{}", alert_text(alert), clock_text(s),
                             to_string(alert.used),
                             n_ == most ? "; further alerts are only in the recording" : ""));
    }

private:
    int n_ = 0;
};

/// Watches something, with a recording and a summary; `watching` gives the exit code, or why there
/// was nothing to watch.
using Watching = std::function<Result<int>(const WatchOptions&, std::vector<RecordSink*>)>;

int watch_and_tell(const WatchFlags& flags, WatchOptions options, const std::string& program,
                   const Watching& watching) {
    auto place = make_place(flags, program);
    if (!place) {
        return report_error(place.error());
    }
    Analysis analysis({flags.neutral.begin(), flags.neutral.end()});
    std::optional<ViewedRecording> viewed;
    std::vector<RecordSink*> sinks{&analysis};
    if (place->writer != nullptr) {
        viewed.emplace(*place->writer, recording_notes(), place->path);
        sinks.insert(sinks.end(), {place->writer.get(), &*viewed});
    }
    options.writer = version_text;
    options.stacks = flags.stacks;
    if (flags.interval_ms) {
        options.interval =
            std::chrono::microseconds(static_cast<std::int64_t>(*flags.interval_ms * 1e3));
    }
    if (!flags.alert.empty()) {
        options.alert_bytes = parse_bytes(flags.alert).value_or(Bytes());  // it was checked
        options.alert = AlertLines();
    }
    const auto code = watching(options, std::move(sinks));
    if (!code) {
        if (place->is_new) {
            std::error_code error;
            std::filesystem::remove(place->path, error);
        }
        return report_error(code.error());
    }
    const TextStyle style = stderr_style();
    print_aside(watch_summary(analysis.findings(), style) +
                hanging_paragraph("   ", place_text(*place), style.columns));
    // A driver's thread may be running still.
    end_now(*code);
}

Result<int> watch_started(const WatchOptions& options, std::vector<RecordSink*> sinks) {
    HEXCORE_TRY(end, watch_command(options, std::move(sinks)));
    return end.exit_code();
}

using WatchedCommand = std::optional<std::vector<std::string>>;

/// What is wrong with the options, each by itself being right.
std::optional<std::string> contradiction(const WatchFlags& flags, const WatchedCommand& command) {
    if (!flags.without_mark.empty()) {
        return "write -- before the command, so that its options are not taken for those of watch: "
               "hexcore watch -- COMMAND";
    }
    if (command && command->empty()) {
        return "name the command to watch: hexcore watch -- COMMAND";
    }
    if (command && flags.pid != 0) {
        return "--pid is for a process that runs already; leave it out, or the command";
    }
    const char* for_commands = flags.python             ? "--python"
                               : flags.stacks           ? "--stacks"
                               : !flags.neutral.empty() ? "--neutral"
                                                        : nullptr;
    if (!command && for_commands != nullptr) {
        return fmt::format("{} is for a command that is started: hexcore watch -- COMMAND",
                           for_commands);
    }
    const char* for_recordings = !flags.output.empty()  ? "-o"
                                 : flags.interval_ms    ? "--interval"
                                 : !flags.alert.empty() ? "--alert"
                                                        : nullptr;
    if (!command && flags.pid == 0 && for_recordings != nullptr) {
        return fmt::format("{} is for what is recorded; name a command, or --pid", for_recordings);
    }
    return std::nullopt;
}

int run_watch(const WatchFlags& flags, const WatchedCommand& command) {
    if (auto sentence = contradiction(flags, command)) {
        return report_error({ErrorCode::usage, *std::move(sentence)});
    }
    if (command) {
        const auto set = let_programs_tell(flags.python ? PythonHook::on : PythonHook::off);
        if (!set) {
            return report_error(set.error());
        }
        return watch_and_tell(flags, {.command = *command}, command->front(), watch_started);
    }
    if (flags.pid != 0) {
        const ProcessIdentity process{static_cast<pid_t>(flags.pid)};
        const auto watching = [&](const WatchOptions& options,
                                  std::vector<RecordSink*> sinks) -> Result<int> {
            HEXCORE_TRY_VOID(watch_process(process, options, std::move(sinks)));
            return 0;
        };
        return watch_and_tell(flags, {}, command_of({}, flags.pid), watching);
    }
    return show_live_view();
}

}  // namespace

void add_watch_command(CLI::App& program, Action& action,
                       const std::optional<std::vector<std::string>>& command) {
    auto* watching = program.add_subcommand(
        "watch", "runs any command, and says what memory it and its children took");
    watching->footer(
        "The command keeps its input, output, signals and exit code (128 and the number\n"
        "of a signal that ended it). The summary goes to stderr; a recording is kept.\n\n"
        "With --pid it is a process that runs already, and is left alone; Ctrl-C ends\n"
        "the watching, with the summary. Without either, what runs now is shown:\n"
        "recordings in progress, programs with Hexcore, the machine; ? lists the keys.\n\n"
        "Examples:\n"
        "  hexcore watch -- python3 train.py --epochs 3\n"
        "  hexcore watch --python -- python3 train.py\n"
        "  hexcore watch --interval 10 -o train.hxr -- python3 train.py\n"
        "  hexcore watch --pid 4711\n"
        "  hexcore watch");
    auto flags = std::make_shared<WatchFlags>();
    watching->add_option("-o,--output", flags->output, "where the recording goes")
        ->option_text("FILE");
    constexpr double an_hour_ms = 3'600'000;
    watching
        ->add_option("--interval", flags->interval_ms,
                     "milliseconds between samples of main memory, 1 at least (default: 100)")
        ->check(number_between(1, an_hour_ms))
        ->option_text("MS");
    watching
        ->add_option("--alert", flags->alert,
                     "tells on stderr, while it runs, when a device has that much more in use than "
                     "at the start, and again after it fell below half of that")
        ->check(byte_size())
        ->option_text("SIZE");
    watching->add_flag("--python", flags->python,
                       "what PyTorch, CuPy and JAX hold of GPUs, in every Python that is started");
    watching->add_flag("--stacks", flags->stacks,
                       "the call stack of each allocation that programs tell of; some microseconds "
                       "each");
    constexpr std::uint64_t largest_pid = 4'194'304;
    watching->add_option("--pid", flags->pid, "watches a process that runs already")
        ->check(whole_between(1, largest_pid))
        ->option_text("PID");
    watching
        ->add_option("--neutral", flags->neutral,
                     "a label whose repeats ought to leave no memory behind: they are judged "
                     "however seldom they come (repeatable)")
        ->option_text("LABEL")
        ->allow_extra_args(false);
    watching->add_option("command", flags->without_mark, "the command and its words, behind --")
        ->option_text("-- COMMAND");
    watching->callback([&action, &command, flags] {
        action = [&command, flags] { return run_watch(*flags, command); };
    });
}

}  // namespace hexcore
