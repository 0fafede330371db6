#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/report/recorded_names.hpp"
#include "hexcore/report/symbols.hpp"

namespace hexcore {

/// What recordings are compared by.
enum class PeakOf : std::uint8_t { device, process, purpose, label, stack };
[[nodiscard]] constexpr const char* to_string(PeakOf what) {
    switch (what) {
        case PeakOf::device:
            return "device";
        case PeakOf::process:
            return "process";
        case PeakOf::purpose:
            return "purpose";
        case PeakOf::label:
            return "label";
        case PeakOf::stack:
            return "stack";
    }
    return "";
}

/// The most at any one time, by name: of a device, of all processes with the same command, of a
/// purpose of one holder ("host0: experts"), of what was allocated under a label, and by a stack.
/// Names are printable and cut.
using RecordingPeaks = std::map<std::pair<PeakOf, std::string>, Bytes>;

/// Finds the peaks of a recording. Of each kind it knows 4,096 names at most, the first.
class PeakFinder : public RecordSink {
public:
    void run(const RecordedRun& run) override;
    void device(const RecordedDevice& device) override;
    void row(const RecordedRow& row) override;
    void thinned(RecordedTime from, std::chrono::microseconds bucket) override;
    void end(const RecordedEnd& end) override;
    void amounts(const RecordedAmounts& amounts) override;
    void event(const RecordedEvent& event) override;
    void site(const RecordedSiteSum& sum) override;

    /// Stacks go by the names of their functions, so that those of two builds can be compared.
    [[nodiscard]] RecordingPeaks peaks(Symbols& symbols) const;

private:
    /// What is there now, and the most that was.
    struct Level {
        std::uint64_t now = 0;
        std::uint64_t most = 0;
        void change(std::uint64_t taken, std::uint64_t released);
    };
    struct Device {
        std::string name;
        Bytes most;
        std::map<std::string, Bytes, std::less<>> commands;
    };
    struct Named {
        std::string name;
        Level level;
    };

    void change(const RecordedSite& site, std::uint64_t taken, std::uint64_t released);
    void forget_what_is_held(std::uint64_t holder);

    // All by number; names are made only once.
    std::map<std::uint32_t, Device> devices_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, Named> purposes_;  ///< of a holder
    std::map<std::uint64_t, Named> labels_;
    std::map<std::uint64_t, std::pair<StackRef, Level>> stacks_;
    std::map<SiteKey, std::uint64_t> sites_;               ///< bytes alive
    std::map<std::uint64_t, RecordedTime> latest_events_;  ///< by holder
};

}  // namespace hexcore
