#include "hexcore/cli/neutral_labels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/recording/recording_reader.hpp"
#include "hexcore/report/growth_words.hpp"
#include "hexcore/watch/analysis.hpp"

namespace hexcore {
namespace {

Error not_judged(const std::string& label, const WatchFindings& findings) {
    if (std::any_of(findings.labels.begin(), findings.labels.end(),
                    [&](const FoundLabel& found) { return found.name == label; })) {
        return {ErrorCode::usage,
                fmt::format("the label {} was not followed: others that were asked for came in "
                            "too many processes; ask for it alone",
                            printable(label))};
    }
    std::vector<std::string> known;
    for (const RepeatFindings& repeated : findings.repeats) {
        known.push_back(printable(repeated.label));
    }
    return {ErrorCode::usage, fmt::format("the recording has no label {}; {}", printable(label),
                                          known.empty() ? "none repeats in it"
                                                        : fmt::format("those that repeat: {}",
                                                                      fmt::join(known, ", ")))};
}

}  // namespace

int judge_neutral(const std::filesystem::path& recording, const std::vector<std::string>& labels) {
    Analysis analysis({labels.begin(), labels.end()});
    const auto read = read_recording_file(recording, analysis);
    if (!read) {
        return report_error(read.error());
    }
    const WatchFindings findings = analysis.findings();
    WatchFindings asked;
    for (const std::string& label : labels) {
        const std::size_t before = asked.repeats.size();
        std::copy_if(findings.repeats.begin(), findings.repeats.end(),
                     std::back_inserter(asked.repeats),
                     [&](const RepeatFindings& repeated) { return repeated.label == label; });
        if (asked.repeats.size() == before) {
            return report_error(not_judged(label, findings));
        }
    }
    for (const std::string& sentence : repeat_sentences(asked)) {
        complain(sentence);
    }
    return std::any_of(asked.repeats.begin(), asked.repeats.end(),
                       [](const RepeatFindings& repeated) { return is_growth(repeated.verdict()); })
               ? 1
               : 0;
}

}  // namespace hexcore
