#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/judge/repeat_books.hpp"
#include "hexcore/recording/told_records.hpp"

namespace hexcore {

/// A place where memory is taken in a label, and what its repeats did with it.
struct FoundSite {
    SiteJudgement judged;
    StackRef stack;  ///< null: none was asked for
};

/// What repeats of one label did with one device.
struct RepeatsOnDevice {
    std::string device;
    bool exact = false;  ///< every allocation or amount is known; otherwise the process was sampled
    Judgement judgement;
    std::vector<FoundSite> sites;  ///< the 16 that grow most, of what is known exactly
};

/// What repeats of one label of one process did.
struct RepeatFindings {
    std::string label;
    std::uint32_t pid = 0;
    std::string command;
    std::uint64_t repeats = 0;
    RecordedTime open{};  ///< how long it was open, in all
    std::vector<RepeatsOnDevice> devices;

    /// The verdict on all devices: the one that asks most for being looked at.
    [[nodiscard]] Verdict verdict() const;
};

/// Whose memory was sampled.
enum class SampledBy : std::uint8_t { host, gpu };

struct SampledJudgement {
    std::string device;
    SampledBy kind = SampledBy::host;
    Judgement judgement;
};

/// Adds what samples say to what is known exactly, of which it can only say that there is more.
void add_samples(std::vector<RepeatsOnDevice>& devices, const SampledJudgement& sampled);

/// Larger for what asks more for being looked at: leak, driver, inconclusive, and then the others.
[[nodiscard]] int gravity_of(Verdict verdict);

}  // namespace hexcore
