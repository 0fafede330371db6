#include "hexcore/tracker/neutral.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/judge/repeat_series.hpp"
#include "hexcore/judge/sampled.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/repeats_json.hpp"
#include "hexcore/tracker.h"
#include "hexcore/tracker/process_tracker.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t first_look =
    24;  // repeats: enough for samples, of which a quarter is warm-up

Neutrality not_known(const std::string& label, std::size_t repeats, std::string problem) {
    Neutrality neutrality;
    neutrality.repeats.label = label;
    neutrality.repeats.repeats = repeats;
    neutrality.problem = std::move(problem);
    return neutrality;
}

/// What this process has in memory, with the descriptor kept open, so that a look takes none.
class ResidentMemory {
public:
    [[nodiscard]] std::optional<Bytes> now() const {
        std::array<char, 128> text{};
        if (statm_.read_at(text.data(), text.size() - 1, 0) <= 0) {
            return std::nullopt;
        }
        char* end = nullptr;
        std::strtoull(text.data(), &end, 10);  // the size of the address space
        return Bytes(std::strtoull(end, nullptr, 10) *
                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    }

private:
    FileDescriptor statm_{"/proc/self/statm"};
};

std::optional<RepeatFindings> found_by(ProcessTracker& tracker, const std::string& label) {
    const std::vector<RepeatFindings> all = tracker.findings().repeats;
    const auto found = std::find_if(all.begin(), all.end(), [&](const RepeatFindings& each) {
        return each.label == label && each.pid == static_cast<std::uint32_t>(::getpid());
    });
    return found == all.end() ? std::nullopt : std::optional(*found);
}

/// Once the tracker has heard of so many repeats, or doesn't hear of them any more.
std::optional<RepeatFindings> told_of(ProcessTracker& tracker, const std::string& label,
                                      std::size_t repeats) {
    constexpr auto patience = std::chrono::seconds(10);
    constexpr auto pause = std::chrono::milliseconds(5);
    const auto end = Clock::now() + patience;
    auto found = found_by(tracker, label);
    while ((!found || found->repeats < repeats) && Clock::now() < end) {
        std::this_thread::sleep_for(pause);
        found = found_by(tracker, label);
    }
    return found;
}

class Repeating {
public:
    Repeating(ProcessTracker& tracker, std::string label, const std::function<bool()>& work)
        : tracker_(tracker), label_(std::move(label)), work_(work) {
        const auto before = found_by(tracker_, label_);
        before_ = before ? before->repeats : 0;
    }

    /// Whether the work was done, each time.
    [[nodiscard]] bool repeat(std::size_t until, Clock::time_point end) {
        for (; done_ < until && Clock::now() < end; ++done_) {
            hexcore_label_begin(label_.c_str());
            const bool is_done = work_();
            hexcore_label_end();
            if (!is_done) {
                return false;
            }
            if (const auto resident = resident_.now()) {
                series_.add(done_, *resident);
            }
        }
        return true;
    }
    [[nodiscard]] std::size_t done() const { return done_; }
    [[nodiscard]] Neutrality judge() const {
        auto found = told_of(tracker_, label_, before_ + done_);
        if (!found || found->repeats < before_ + done_) {
            return not_known(label_, done_, "the tracker did not hear of each repeat");
        }
        std::erase_if(found->devices,
                      [](const auto& on) { return on.device == "host" && !on.exact; });
        const std::vector<SeriesPoint> points = series_.points();
        Judgement host = with_known_after(points.size(), [&](std::size_t n) {
            return judge_samples({points.begin(), points.begin() + static_cast<std::ptrdiff_t>(n)});
        });
        add_samples(found->devices, {"host", SampledBy::host, std::move(host)});
        return {std::move(*found), {}};
    }

private:
    ProcessTracker& tracker_;
    std::string label_;
    const std::function<bool()>& work_;
    ResidentMemory resident_;
    RepeatSeries series_;
    std::size_t before_ = 0;
    std::size_t done_ = 0;
};

/// A leak by samples has to be one after twice the repeats, too: it costs time, but a cache that is
/// filling does not, and so several looks are no more often wrong than one.
bool is_settled(const Neutrality& now, const Neutrality& before) {
    if (now.verdict() == Verdict::inconclusive) {
        return false;
    }
    const bool by_samples =
        std::any_of(now.repeats.devices.begin(), now.repeats.devices.end(),
                    [](const auto& on) { return is_growth(on.judgement.verdict) && !on.exact; });
    return !by_samples || is_growth(before.verdict());
}

Neutrality repeat_until_known(ProcessTracker& tracker, const std::string& label,
                              const std::function<bool()>& work, NeutralOptions options) {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(options.most_time);
    Repeating repeating(tracker, label, work);
    Neutrality before;
    for (std::size_t until = first_look;; until *= 2) {
        until = std::min(until, options.most_repeats);
        if (!repeating.repeat(until, end)) {
            return not_known(label, repeating.done(), "the work was not done");
        }
        Neutrality now = repeating.judge();
        if (!now.problem.empty() || is_settled(now, before) || repeating.done() < until ||
            until == options.most_repeats) {
            return now;
        }
        before = std::move(now);
    }
}

}  // namespace

Neutrality expect_neutral(const std::string& label, const std::function<bool()>& work,
                          NeutralOptions options) {
    if (ProcessTracker* running = ProcessTracker::running()) {
        return repeat_until_known(*running, label, work, options);
    }
    constexpr auto interval = std::chrono::milliseconds(20);
    auto started = ProcessTracker::start({.interval = interval, .alert_bytes = {}});
    if (!started) {
        return not_known(label, 0, started.error().message);
    }
    return repeat_until_known(**started, label, work, options);
}

std::string neutral_json(const Neutrality& neutrality) {
    nlohmann::ordered_json document{{"schema", "hexcore.neutral/1"}};
    document.update(repeats_json({neutrality.repeats}).at(0));
    document["verdict"] = to_string(neutrality.verdict());
    WatchFindings findings;
    findings.repeats = {neutrality.repeats};
    document["text"] = neutrality.problem.empty() ? repeat_sentences(findings).at(0)
                                                  : "not known: " + neutrality.problem;
    return json_text(document);
}

}  // namespace hexcore
