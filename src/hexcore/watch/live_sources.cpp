#include "hexcore/watch/live_sources.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/recording/recordings_in_progress.hpp"
#include "hexcore/watch/live_model.hpp"
#include "hexcore/watch/machine_watch.hpp"
#include "hexcore/watch/redaction.hpp"
#include "hexcore/watch/tree_watch.hpp"

namespace hexcore {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t most_sources = 64;
constexpr std::uint64_t bytes_at_a_time = 1U << 20U;

/// The program's name, without its folder, and its words.
std::string words_text(std::vector<std::string> words) {
    constexpr std::size_t longest = 400;
    if (!words.empty()) {
        words.front().erase(0, words.front().rfind('/') + 1);
    }
    return shortened(fmt::format("{}", fmt::join(words, " ")), longest);
}

/// Writers keep what they know for a while.
std::chrono::milliseconds age_of(const LiveState& state) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto latest = milliseconds(static_cast<std::int64_t>(state.run.started_unix_ms)) +
                        std::chrono::duration_cast<milliseconds>(state.time);
    return std::max(now - latest, milliseconds(0));
}

}  // namespace

/// Where one source's records come from.
class LiveSources::Feed {
public:
    virtual ~Feed() = default;
    Feed() = default;
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    /// False: there is more to read at once.
    virtual bool step() = 0;

    LiveModel model;
    std::uint64_t id = 0;
    LiveKind kind = LiveKind::machine;
    std::string place;
    ProcessIdentity process;  ///< of a process
    bool is_over = false;
    bool is_caught_up = false;
};

class LiveSources::MachineFeed : public Feed {
public:
    explicit MachineFeed(const LiveSourcesOptions& options)
        : watch_({.interval = options.interval, .gpus = options.gpus}, model) {}

    bool step() override {
        watch_.step();
        return true;
    }

private:
    MachineWatch watch_;
};

class LiveSources::RecordingFeed : public Feed {
public:
    explicit RecordingFeed(const std::filesystem::path& path) {
        kind = LiveKind::recording;
        place = path.string();
    }
    [[nodiscard]] bool open() {
        auto opened = RecordingFollower::open(place, model);
        follower_ = opened ? *std::move(opened) : nullptr;
        return follower_ != nullptr;
    }
    bool step() override {
        const bool was_written = !is_over && is_being_written(place);
        const bool has_more = follower_->go_on(bytes_at_a_time) >= bytes_at_a_time;
        is_over = !was_written && !has_more;
        return !has_more;
    }

private:
    std::unique_ptr<RecordingFollower> follower_;
};

class LiveSources::ProcessFeed : public Feed {
public:
    ProcessFeed(AttachedProcess attached, const ProcessIdentity& identity,
                const LiveSourcesOptions& options)
        : attached_(std::move(attached)),
          tree_({.interval = options.interval, .gpus = options.gpus}, attached_.pid(), {&model}) {
        kind = LiveKind::process;
        process = identity;
        tree_.begin(attached_.pid(), steady_clock::now(),
                    {.writer = {},
                     .command = without_secrets(attached_.command()),
                     .attached_pid = static_cast<std::uint32_t>(attached_.pid())});
    }
    bool step() override {
        if (!is_over && attached_.has_ended()) {
            tree_.end({.ending = RecordedEnding::unknown});
            is_over = true;
        } else if (!is_over) {
            tree_.step();
        }
        return true;
    }

private:
    AttachedProcess attached_;
    TreeWatch tree_;
};

LiveSources::LiveSources(LiveSourcesOptions options) : options_(std::move(options)) {
    add(std::make_unique<MachineFeed>(options_));
}

LiveSources::~LiveSources() = default;

bool LiveSources::step() {
    const bool is_due = steady_clock::now() >= next_look_;
    if (is_due) {
        find_recordings();
    }
    bool all_read = true;
    for (const auto& feed : feeds_) {
        const bool is_read = feed->step();
        if (is_read && !feed->is_caught_up && feed->model.has_rows()) {
            feed->is_caught_up = true;
            feed->model.set_mark();  // changes count from when somebody looks
        }
        all_read = all_read && is_read;
    }
    if (is_due && all_read) {  // so that it is known which processes are recorded
        constexpr auto between_looks = std::chrono::seconds(1);
        next_look_ = steady_clock::now() + between_looks;
        find_processes();
        forget_the_oldest();
    }
    return all_read;
}

void LiveSources::find_recordings() {
    for (const auto& path : recordings_in_progress(options_.notes)) {
        const bool is_known = std::any_of(feeds_.begin(), feeds_.end(), [&](const auto& feed) {
            return feed->kind == LiveKind::recording && feed->place == path && !feed->is_over;
        });
        if (!is_known) {
            auto feed = std::make_unique<RecordingFeed>(path);
            if (feed->open()) {  // otherwise it has only just been begun
                add(std::move(feed));
            }
        }
    }
}

void LiveSources::find_processes() {
    const std::vector<LiveSource> known = sources();
    for (const ProcessIdentity& process : hexcore_.look()) {
        const bool is_known = std::any_of(feeds_.begin(), feeds_.end(), [&](const auto& feed) {
            return feed->process == process;
        });
        const bool is_recorded = std::any_of(known.begin(), known.end(), [&](const auto& source) {
            return source.kind == LiveKind::recording && !source.is_over &&
                   has_process(source.state, static_cast<std::uint32_t>(process.pid));
        });
        if (is_known || is_recorded || feeds_.size() >= most_sources) {
            continue;
        }
        if (auto attached = AttachedProcess::attach(process)) {
            add(std::make_unique<ProcessFeed>(*std::move(attached), process, options_));
        }
    }
}

void LiveSources::add(std::unique_ptr<Feed> feed) {
    feed->id = ++ids_;
    feeds_.push_back(std::move(feed));
}

void LiveSources::forget_the_oldest() {
    while (feeds_.size() > most_sources) {
        const auto over = std::find_if(feeds_.begin(), feeds_.end(),
                                       [](const auto& feed) { return feed->is_over; });
        if (over == feeds_.end()) {
            return;
        }
        feeds_.erase(over);
    }
}

void LiveSources::set_mark() {
    for (const auto& feed : feeds_) {
        feed->model.set_mark();
    }
}

void LiveSources::toggle_baseline() {
    for (const auto& feed : feeds_) {
        feed->model.toggle_baseline();
    }
}

std::vector<LiveSource> LiveSources::sources() const {
    std::vector<LiveSource> all;
    for (const auto& feed : feeds_) {
        LiveState state = feed->model.state();
        std::string title =
            feed->kind == LiveKind::machine ? "this machine" : words_text(state.run.command);
        all.push_back({.id = feed->id,
                       .kind = feed->kind,
                       .title = std::move(title),
                       .place = feed->place,
                       .is_over = feed->is_over,
                       .behind = feed->kind == LiveKind::recording && !feed->is_over
                                     ? age_of(state)
                                     : std::chrono::milliseconds(0),
                       .state = std::move(state)});
    }
    return all;
}

}  // namespace hexcore
