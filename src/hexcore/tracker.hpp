#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/tracker.h"

namespace hexcore {

struct TrackerOptions {
    std::chrono::duration<double> interval{0.5};  ///< between samples
    Bytes alert_bytes = 100_MiB;                  ///< that a device has above the start
    unsigned sources = HEXCORE_SOURCES_ALL;
    std::string recording = {};  ///< a file to keep, new or a recording; empty: none is kept
    /// Called from the tracker's thread when a device passes alert_bytes, and again after it fell
    /// below half of it.
    std::function<void(std::string_view device, Bytes used, Bytes since_start)> alert = {};
};

/// A tracker of this process and its children, in a thread of it, until it is stopped or goes.
/// Move-only; one at a time. Link with libhexcore-tracker.
class Tracker {
public:
    /// A label of this thread, as long as it lives: for whoever tracks or watches this process.
    class Scope {
    public:
        explicit Scope(const char* name) { hexcore_label_begin(name); }
        ~Scope() { hexcore_label_end(); }
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
    };
    static void mark(const char* name) { hexcore_mark(name); }

    /// Fails with ErrorCode::negative where the recording cannot be written or another tracker
    /// runs.
    [[nodiscard]] static Result<Tracker> start(TrackerOptions options = {}) {
        Tracker tracker;
        tracker.alert_ = std::make_unique<decltype(options.alert)>(std::move(options.alert));
        const hexcore_tracker_options told{
            sizeof(told),
            options.interval.count(),
            options.alert_bytes.count(),
            options.sources,
            options.recording.empty() ? nullptr : options.recording.c_str(),
            *tracker.alert_ ? tell_alert : nullptr,
            tracker.alert_.get()};
        std::array<char, 1024> error{};
        tracker.tracker_.reset(hexcore_tracker_start(&told, error.data(), error.size()));
        if (tracker.tracker_ == nullptr) {
            return fail(ErrorCode::negative, "{}", error.data());
        }
        return tracker;
    }

    /// The document hexcore.recording/1 of what was seen so far.
    [[nodiscard]] std::string analysis() const {
        return taken(hexcore_tracker_json(tracker_.get()));
    }
    /// Writes a report by the end of its name: .html, .svg, .json, .csv or .trace.json. Fails with
    /// ErrorCode::negative where that cannot be.
    [[nodiscard]] Result<void> picture(const std::string& path) const {
        std::array<char, 1024> error{};
        if (hexcore_tracker_picture(tracker_.get(), path.c_str(), error.data(), error.size()) !=
            0) {
            return fail(ErrorCode::negative, "{}", error.data());
        }
        return {};
    }
    /// The same document at the end. It tracks no more, and analysis() is empty.
    std::string stop() { return taken(hexcore_tracker_stop(tracker_.release())); }

private:
    struct Stop {
        void operator()(hexcore_tracker* tracker) const {
            hexcore_free(hexcore_tracker_stop(tracker));
        }
    };
    Tracker() = default;

    static void tell_alert(const char* device, std::uint64_t used, std::uint64_t since_start,
                           void* user) {
        (*static_cast<decltype(TrackerOptions::alert)*>(user))(device, Bytes(used),
                                                               Bytes(since_start));
    }
    [[nodiscard]] static std::string taken(char* text) {
        std::string copy = text == nullptr ? "" : text;
        hexcore_free(text);
        return copy;
    }

    std::unique_ptr<decltype(TrackerOptions::alert)> alert_;  ///< outlives the tracker
    std::unique_ptr<hexcore_tracker, Stop> tracker_;
};

struct NeutralityOptions {
    std::size_t most_repeats = 1000;
    std::chrono::duration<double> most_time{60};  ///< no repeat begins after it
};

/// What expect_neutral() found out.
struct Expected {
    enum class Grew { no, yes, not_known } grew = Grew::not_known;
    std::string document;  ///< hexcore.neutral/1: how much a repeat, of what, how that is known
};

/// Calls `work()` again and again on this thread, in a label of that name, until it is known
/// whether it leaves memory behind. It returns nothing, or whether it was done; if it was not, it
/// is not known. What it throws ends it, and comes out of here.
template <typename Work>
[[nodiscard]] Expected expect_neutral(const char* label, Work work,
                                      NeutralityOptions options = {}) {
    const hexcore_neutral_options given{sizeof(given), options.most_repeats,
                                        options.most_time.count()};
    struct Repeated {
        Work& work;
        std::exception_ptr thrown = nullptr;  ///< it must not pass through the library's frames
    } repeated{work};
    const auto repeat = [](void* user) {
        auto& [again, thrown] = *static_cast<Repeated*>(user);
        try {
            if constexpr (std::is_void_v<decltype(work())>) {
                again();
                return 0;
            } else {
                return again() ? 0 : 1;
            }
        } catch (...) {
            thrown = std::current_exception();
            return 1;
        }
    };
    char* document = hexcore_expect_neutral(label, repeat, &repeated, &given);
    if (repeated.thrown) {
        hexcore_free(document);
        std::rethrow_exception(repeated.thrown);
    }
    const int grew = hexcore_grew(document);
    Expected expected{grew == 0   ? Expected::Grew::no
                      : grew == 1 ? Expected::Grew::yes
                                  : Expected::Grew::not_known,
                      document == nullptr ? "" : document};
    hexcore_free(document);
    return expected;
}

}  // namespace hexcore
