#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "hexcore/watch/repeat_findings.hpp"

namespace hexcore {

struct NeutralOptions {
    std::size_t most_repeats = 1000;
    std::chrono::duration<double> most_time{60};  ///< no repeat begins after it
};

/// What repeats of some work did with memory, and why it is not known.
struct Neutrality {
    RepeatFindings repeats;
    std::string problem;  ///< it could not be found out, whatever the verdict says

    [[nodiscard]] Verdict verdict() const {
        return problem.empty() ? repeats.verdict() : Verdict::inconclusive;
    }
};

/// Repeats some work on this thread, in a label of that name, until it is known whether it leaves
/// memory behind: what is told of allocations by them, the rest of main memory by what the kernel
/// says is resident after each repeat, GPUs by samples. `work` says whether it was done; if not,
/// that was the last repeat. By the tracker that runs in this process, which must not be stopped
/// meanwhile, or one of its own.
[[nodiscard]] Neutrality expect_neutral(const std::string& label, const std::function<bool()>& work,
                                        NeutralOptions options = {});

/// The document hexcore.neutral/1 (docs/formats/recording.md).
[[nodiscard]] std::string neutral_json(const Neutrality& neutrality);

}  // namespace hexcore
