#include "hexcore/isolate/crash_look.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"
#include "hexcore/isolate/attempt_verdict.hpp"
#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/program_tests.hpp"
#include "hexcore/process/shipped_file.hpp"

namespace hexcore {
namespace {

/// Of its own doing; what others send says nothing of where it was.
constexpr std::array own_faults = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
constexpr std::chrono::seconds longest_first_run{60};
constexpr std::size_t longest_frame = 400;

CrashStack without_stack(std::string why) { return {.note = "no stack: " + std::move(why)}; }

std::string ended_text(int signal, int code) {
    return signal != 0 ? signal_text(signal) : fmt::format("exit code {}", code);
}

}  // namespace

std::filesystem::path find_tracer() {
    return shipped_file("hexcore-tracer").value_or(std::filesystem::path());
}

bool is_own_fault(const CageOutcome& outcome) {
    return outcome.signalled && outcome.ended_by_us == EndedByUs::no &&
           std::ranges::find(own_faults, outcome.code) != own_faults.end();
}

bool is_worth_a_look(const CageOutcome& outcome, std::string& why_not) {
    if (!is_own_fault(outcome)) {
        return false;
    }
    for (const std::string* part : {&outcome.output_head, &outcome.output_tail}) {
        if (part->find("Sanitizer: ") != std::string::npos) {
            why_not = "the sanitizer's report, in its output, says where";
            return false;
        }
    }
    if (outcome.duration > longest_first_run) {
        why_not = fmt::format("it ran for more than {} s, too long to be run again for it",
                              longest_first_run.count());
        return false;
    }
    return true;
}

std::vector<std::string> traced_words(const std::filesystem::path& tracer,
                                      const std::filesystem::path& file,
                                      const std::vector<std::string>& words) {
    std::vector<std::string> traced{tracer.string(), file.string()};
    traced.insert(traced.end(), words.begin(), words.end());
    return traced;
}

CrashStack seen_crash(const std::filesystem::path& file, const CageOutcome& first,
                      const CageOutcome& look) {
    const nlohmann::json seen = bytes_json(result_file(file));
    if (!seen.is_object()) {
        return without_stack(look.ended_by_us == EndedByUs::no
                                 ? "what ran it again to look at it ended with " + ending_text(look)
                                 : std::string("run again to be looked at, it had to be ended: ") +
                                       to_string(look.ended_by_us));
    }
    if (const std::string problem = bytes_of(member(seen, "problem")); !problem.empty()) {
        return without_stack(problem);
    }
    const auto signal = static_cast<int>(small_number(member(seen, "signal")));
    const auto code = static_cast<int>(small_number(member(seen, "code")));
    if (signal == 0) {
        return without_stack(
            fmt::format("run again to be looked at, it ended with exit code {}", code));
    }
    CrashStack stack;
    for (const nlohmann::json& frame : elements(member(seen, "frames"))) {
        const nlohmann::json& own = member(frame, "own");
        stack.frames.push_back({shortened(bytes_of(member(frame, "name")), longest_frame),
                                own.is_boolean() && own.get<bool>()});
    }
    if (stack.frames.empty()) {
        return without_stack("it could not be unwound");
    }
    if (signal != first.code) {
        stack.note = fmt::format("of a second run, which ended by {}", ended_text(signal, code));
    }
    return stack;
}

}  // namespace hexcore
