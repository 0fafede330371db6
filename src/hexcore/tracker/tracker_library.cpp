// The functions of hexcore/tracker.h that track. Nothing of C++ crosses them.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "hexcore/report/json_text.hpp"
#include "hexcore/report/recording_json.hpp"
#include "hexcore/report/recording_report.hpp"
#include "hexcore/tracker.h"
#include "hexcore/tracker/neutral.hpp"
#include "hexcore/tracker/process_tracker.hpp"

struct hexcore_tracker {
    hexcore::ProcessTracker::Owned tracker;
};

namespace {

using hexcore::Alert;
using hexcore::ProcessTracker;
using hexcore::ProcessTrackerOptions;
using hexcore::Result;

void give_text(const std::string& text, char* into, std::size_t size) {
    if (into != nullptr && size > 0) {
        const std::size_t count = std::min(text.size(), size - 1);
        std::memcpy(into, text.data(), count);
        into[count] = '\0';
    }
}

/// For hexcore_free(); null where there is no memory left.
char* owned_text(const std::string& text) {
    auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy != nullptr) {
        std::memcpy(copy, text.c_str(), text.size() + 1);
    }
    return copy;
}

/// What `work` returns; where memory runs out or the standard library refuses otherwise, what
/// `refused` makes of the reason.
template <typename Work, typename Refused>
auto guarded(Work work, Refused refused) -> decltype(work()) {
    try {
        return work();
    } catch (const std::exception& exception) {
        return refused(exception.what());
    }
}

char* no_text(const char* /*reason*/) { return nullptr; }

/// 0, or 1 with the sentence told.
template <typename Work>
int status_of(Work work, char* error, std::size_t error_size) {
    const auto refused = [&](const char* reason) {
        give_text(reason, error, error_size);
        return 1;
    };
    give_text("", error, error_size);
    return guarded(
        [&] {
            const Result<void> done = work();
            return done ? 0 : refused(done.error().message.c_str());
        },
        refused);
}

Result<void> draw(const std::string& recording, const std::string& path) {
    HEXCORE_TRY(report, hexcore::recording_report_for(path));
    HEXCORE_TRY_VOID(report(recording, path));
    return {};
}

Result<ProcessTrackerOptions> options_of(const hexcore_tracker_options* told) {
    // What an older program does not know of is zero.
    hexcore_tracker_options given{};
    if (told != nullptr) {
        std::memcpy(&given, told, std::min(told->size, sizeof(given)));
    }
    ProcessTrackerOptions options;
    if (given.interval_s != 0) {
        constexpr double least_s = 1e-3;
        constexpr double most_s = 3600;
        if (!(given.interval_s >= least_s && given.interval_s <= most_s)) {
            return hexcore::fail(hexcore::ErrorCode::usage,
                                 "an interval of {} s is none: name 0.001 to 3600 s",
                                 given.interval_s);
        }
        options.interval =
            std::chrono::microseconds(static_cast<std::int64_t>(given.interval_s * 1e6));
    }
    if (given.alert_bytes != 0) {
        options.alert_bytes = hexcore::Bytes(given.alert_bytes);
    }
    const unsigned sources = given.sources == 0 ? unsigned{HEXCORE_SOURCES_ALL} : given.sources;
    options.gpus = (sources & HEXCORE_SOURCE_GPUS) != 0;
    options.told = (sources & HEXCORE_SOURCE_TOLD) != 0;
    options.recording = given.recording == nullptr ? "" : given.recording;
    if (given.alert != nullptr) {
        options.alert = [alert = given.alert, user = given.user](const Alert& passed) {
            alert(passed.device.c_str(), passed.used.count(), passed.since_start.count(), user);
        };
    }
    return options;
}

}  // namespace

hexcore_tracker* hexcore_tracker_start(const hexcore_tracker_options* options, char* error,
                                       std::size_t error_size) {
    hexcore_tracker* tracker = nullptr;
    const auto start = [&]() -> Result<void> {
        HEXCORE_TRY(given, options_of(options));
        HEXCORE_TRY(started, ProcessTracker::start(std::move(given)));
        tracker = new hexcore_tracker{std::move(started)};
        return {};
    };
    status_of(start, error, error_size);
    return tracker;
}

char* hexcore_tracker_json(hexcore_tracker* tracker) {
    if (tracker == nullptr || tracker->tracker->is_of_a_parent()) {
        return nullptr;
    }
    return guarded(
        [&] {
            return owned_text(
                hexcore::json_text(hexcore::recording_json(tracker->tracker->findings())));
        },
        no_text);
}

int hexcore_tracker_picture(hexcore_tracker* tracker, const char* path, char* error,
                            std::size_t error_size) {
    if (tracker == nullptr || path == nullptr) {
        give_text("there is no tracker, or no path", error, error_size);
        return 1;
    }
    if (tracker->tracker->is_of_a_parent()) {
        give_text("the tracker is of the process that this one was forked from", error, error_size);
        return 1;
    }
    return status_of([&] { return tracker->tracker->picture(path); }, error, error_size);
}

int hexcore_recording_picture(const char* recording, const char* path, char* error,
                              std::size_t error_size) {
    if (recording == nullptr || path == nullptr) {
        give_text("there is no recording, or no path", error, error_size);
        return 1;
    }
    return status_of([&] { return draw(recording, path); }, error, error_size);
}

char* hexcore_tracker_stop(hexcore_tracker* tracker) {
    if (tracker == nullptr) {
        return nullptr;
    }
    tracker->tracker->stop();
    char* json = hexcore_tracker_json(tracker);
    delete tracker;
    return json;
}

void hexcore_free(char* text) { std::free(text); }

char* hexcore_expect_neutral(const char* name, int (*fn)(void* user), void* user,
                             const hexcore_neutral_options* options) {
    hexcore_neutral_options given{};
    if (options != nullptr) {
        std::memcpy(&given, options, std::min(options->size, sizeof(given)));
    }
    hexcore::NeutralOptions usual;
    if (given.most_repeats != 0) {
        usual.most_repeats = given.most_repeats;
    }
    if (given.most_seconds > 0) {
        usual.most_time = std::chrono::duration<double>(std::min(given.most_seconds, 1e6));
    }
    return guarded(
        [&] {
            return owned_text(hexcore::neutral_json(hexcore::expect_neutral(
                name == nullptr ? "" : name, [&] { return fn(user) == 0; }, usual)));
        },
        no_text);
}

int hexcore_grew(const char* neutral) {
    const auto document = nlohmann::json::parse(neutral == nullptr ? "" : neutral, nullptr,
                                                /*allow_exceptions=*/false);
    const std::string verdict =
        document.is_object() ? document.value("verdict", "") : std::string();
    if (verdict == "leak" || verdict == "driver") {
        return 1;
    }
    return verdict.empty() || verdict == "inconclusive" ? -1 : 0;
}
