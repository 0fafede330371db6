#include "hexcore/judge/repeat_books.hpp"

#include <algorithm>

namespace hexcore {
namespace {

constexpr std::size_t most_steps = 512;

/// The first steps of a history.
ExactHistory first_of(const ExactHistory& history, std::size_t n) {
    ExactHistory first;
    first.levels.assign(history.levels.begin(),
                        history.levels.begin() + static_cast<std::ptrdiff_t>(n));
    std::copy_if(history.lifetimes.begin(), history.lifetimes.end(),
                 std::back_inserter(first.lifetimes),
                 [n](const Lifetime& lifetime) { return lifetime.born < n; });
    return first;
}

void keep_every_second(std::vector<double>& ends) {
    for (std::size_t i = 0; 2 * i + 1 < ends.size(); ++i) {
        ends[i] = ends[2 * i + 1];
    }
    ends.resize(ends.size() / 2);
}

/// In repeats, of one in steps.
Judgement widened(Judgement judgement, std::size_t width) {
    const auto repeats = static_cast<double>(width);
    judgement.bytes_per_repeat /= repeats;
    judgement.least_bytes /= repeats;
    judgement.most_bytes /= repeats;
    judgement.repeats *= width;
    judgement.warm_up *= width;
    judgement.known_after *= width;
    return judgement;
}

}  // namespace

RepeatBooks::Place RepeatBooks::place_of(const Site& site) {
    if (const auto known = places_.find(site); known != places_.end()) {
        return known->second;
    }
    const Site kept = accounts_.size() < sites_max ? site : Site{site.device, {}, {}, 0};
    const auto [found, is_new] = places_.try_emplace(kept, accounts_.size());
    if (is_new) {
        accounts_.emplace_back().site = kept;
    }
    return found->second;
}

void RepeatBooks::taken(Allocation allocation, Bytes bytes, Place place) {
    if (living_.size() < living_max || living_.contains(allocation)) {
        living_.insert_or_assign(allocation, Living{place, steps_, bytes});
    }
}

void RepeatBooks::released(Allocation allocation) {
    const auto found = living_.find(allocation);
    if (found == living_.end()) {
        return;
    }
    const Living& living = found->second;
    if (living.born < steps_) {
        accounts_[living.place].lifetimes[{living.born, steps_}] += living.bytes.as_double();
    }
    living_.erase(found);
}

void RepeatBooks::amount(Place place, Bytes bytes) {
    accounts_[place].amount = bytes.as_double();
    accounts_[place].has_amounts = true;
}

void RepeatBooks::repeat_ended(double total_bytes) {
    if (++in_step_ < width_) {
        return;
    }
    in_step_ = 0;
    ++steps_;
    totals_.push_back(total_bytes);
    for (Account& account : accounts_) {
        if (account.has_amounts) {
            account.amounts.resize(steps_ - 1);
            account.amounts.push_back(account.amount);
        }
    }
    if (steps_ == most_steps) {
        coarsen();
    }
}

void RepeatBooks::coarsen() {
    for (Account& account : accounts_) {
        std::map<Span, double> lifetimes;
        for (const auto& [span, bytes] : account.lifetimes) {
            if (span.first / 2 < span.second / 2) {
                lifetimes[{span.first / 2, span.second / 2}] += bytes;
            }
        }
        account.lifetimes = std::move(lifetimes);
        keep_every_second(account.amounts);
    }
    for (auto& [allocation, living] : living_) {
        living.born /= 2;
    }
    keep_every_second(totals_);
    steps_ /= 2;
    width_ *= 2;
}

std::vector<ExactHistory> RepeatBooks::histories() const {
    std::vector<std::map<std::size_t, double>> alive(accounts_.size());
    for (const auto& [allocation, living] : living_) {
        if (living.born < steps_) {
            alive[living.place][living.born] += living.bytes.as_double();
        }
    }
    std::vector<ExactHistory> histories(accounts_.size());
    for (Place place = 0; place < accounts_.size(); ++place) {
        const Account& account = accounts_[place];
        ExactHistory& history = histories[place];
        if (account.has_amounts) {
            history.levels = account.amounts;
            continue;
        }
        for (const auto& [span, bytes] : account.lifetimes) {
            // What is released after the last end was alive at all of them.
            history.lifetimes.push_back(
                {span.first, span.second < steps_ ? span.second : Lifetime::alive, bytes});
        }
        for (const auto& [born, bytes] : alive[place]) {
            history.lifetimes.push_back({born, Lifetime::alive, bytes});
        }
        history.levels.resize(steps_);
        for (const Lifetime& lifetime : history.lifetimes) {
            for (std::size_t i = lifetime.born; i < std::min(lifetime.died, steps_); ++i) {
                history.levels[i] += lifetime.bytes;
            }
        }
    }
    return histories;
}

/// Whenever it rose the whole did not.
bool RepeatBooks::moved(const ExactHistory& history) const {
    for (std::size_t i = 1; i < history.levels.size(); ++i) {
        if (history.levels[i] > history.levels[i - 1] && totals_[i] > totals_[i - 1]) {
            return false;
        }
    }
    return true;
}

std::vector<SiteJudgement> RepeatBooks::judge() const {
    std::vector<SiteJudgement> judged;
    const std::vector<ExactHistory> all = histories();
    for (Place place = 0; place < all.size(); ++place) {
        const ExactHistory& history = all[place];
        Judgement judgement = with_known_after(history.levels.size(), [&](std::size_t n) {
            return judge_exact(first_of(history, n));
        });
        if (judgement.verdict == Verdict::leak && moved(history)) {
            judgement.verdict = Verdict::pool;
        }
        judged.push_back({accounts_[place].site, widened(std::move(judgement), width_),
                          history.levels.empty() ? 0.0 : history.levels.back()});
    }
    std::stable_sort(judged.begin(), judged.end(),
                     [](const SiteJudgement& a, const SiteJudgement& b) {
                         return a.judgement.bytes_per_repeat > b.judgement.bytes_per_repeat;
                     });
    return judged;
}

}  // namespace hexcore
