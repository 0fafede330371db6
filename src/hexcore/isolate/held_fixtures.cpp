#include "hexcore/isolate/held_fixtures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "hexcore/base/printable.hpp"
#include "hexcore/isolate/scratch_folders.hpp"

namespace hexcore {
namespace {

std::string left_text(const TestCase& test, const std::vector<Residue>& residues) {
    constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t place = 0; place < std::min(residues.size(), most); ++place) {
        text += fmt::format("{}{} {}", place == 0 ? "" : ", ", to_string(residues[place].kind),
                            shortened(residues[place].name, 60));
    }
    if (residues.size() > most) {
        text += fmt::format(" and {} more", residues.size() - most);
    }
    return fmt::format("what {} set up was still there after its clean-up: {}", printable(test.id),
                       text);
}

}  // namespace

HeldFixtures::HeldFixtures(const std::vector<TestCase>& tests, const Jobs& jobs)
    : users_(fixture_users(tests, jobs)), is_tied_(jobs.size()) {
    for (std::size_t job = 0; job < jobs.size(); ++job) {
        if (keeps(job)) {
            is_tied_[job] = true;
            for (const std::size_t user : users_[job]) {
                is_tied_[user] = true;
            }
        }
    }
}

/// One that is to run again sets up anew.
bool HeldFixtures::is_needed(std::size_t job, const Schedule& schedule) const {
    return schedule.is_over(job) &&
           std::any_of(users_[job].begin(), users_[job].end(),
                       [&](std::size_t user) { return !schedule.is_over(user); });
}

void HeldFixtures::mind(const Schedule& schedule, RunBook& book, RunEvents& events) {
    for (auto& job : held_) {
        if (!is_needed(job->facts().job, schedule)) {
            job->cage().let_go();
        }
        if (!job->cage().step()) {
            continue;
        }
        const CageOutcome& outcome = job->cage().outcome();
        if (!is_stopped_ && schedule.is_over(job->facts().job)) {
            book.add_left(job->facts().tests.front(), outcome);
            if (outcome.breach) {
                events.says(fmt::format(
                    "what {} set up was ended before its clean-up: it used {} "
                    "of its {} on {}",
                    printable(job->facts().cases.front()->id), to_string(outcome.breach->used),
                    to_string(outcome.breach->limit), outcome.breach->device));
            }
            if (!outcome.residues.empty()) {
                events.says(left_text(*job->facts().cases.front(), outcome.residues));
            }
        }
        remove_scratch(job->facts().scratch);
        job.reset();
    }
    std::erase(held_, nullptr);
}

void HeldFixtures::end_all() {
    is_stopped_ = true;
    for (const auto& job : held_) {
        job->cage().let_go();
    }
}

void HeldFixtures::kill_all(std::chrono::nanoseconds now) {
    is_stopped_ = true;
    for (const auto& job : held_) {
        job->kill(EndedByUs::interrupted, now);
    }
}

}  // namespace hexcore
