#include "hexcore/report/recording_sites.hpp"

#include <algorithm>

namespace hexcore {
namespace {

constexpr std::size_t most_sites_known = 8192;
constexpr std::size_t most_sites_shown = 100;

}  // namespace

void RecordingSites::Account::add(std::uint64_t bytes) {
    alive += bytes;
    most = std::max(most, alive);
    ++n_alive;
    ++n_ever;
}

void RecordingSites::Account::remove(std::uint64_t bytes) {
    // A recording may tell less than there was.
    alive -= std::min(alive, bytes);
    n_alive -= std::min<std::uint64_t>(n_alive, 1);
}

RecordingSites::Account* RecordingSites::account_of(const RecordedSite& site) {
    const SiteKey key = key_of(site);
    if (const auto known = accounts_.find(key); known != accounts_.end()) {
        return &known->second;
    }
    if (accounts_.size() >= most_sites_known) {
        return nullptr;
    }
    if (site.stack) {
        stacks_.try_emplace(site.stack->number, site.stack);
    }
    Account& account = accounts_[key];
    account.site = site;
    return &account;
}

void RecordingSites::event(const RecordedEvent& event) {
    Account* account = account_of(event.site);
    if (account == nullptr || event.kind == EventKind::refused) {
        return;
    }
    if (event.kind == EventKind::released) {
        account->remove(event.bytes.count());
        return;
    }
    if (event.kind == EventKind::relabelled) {
        RecordedSite before = event.site;
        before.purpose = event.purpose_before;
        if (Account* left = account_of(before)) {
            left->remove(event.bytes.count());
        }
    }
    account->add(event.bytes.count());
}

void RecordingSites::site(const RecordedSiteSum& sum) {
    if (Account* account = account_of(sum.site)) {
        account->alive = sum.bytes.count();
        account->most = std::max(account->most, account->alive);
        account->n_alive = sum.n_alive;
        account->n_ever = sum.n_ever;
    }
}

std::vector<TakenSite> RecordingSites::largest() const {
    std::vector<TakenSite> sites;
    for (const auto& [key, account] : accounts_) {
        const RecordedSite& site = account.site;
        if (account.most > 0) {
            sites.push_back({.device = site.holder
                                           ? shortened(site.holder->device, recorded_name_max)
                                           : std::string(),
                             .purpose = name_of(site.purpose),
                             .label = name_of(site.label),
                             .stack = site.stack,
                             .most = Bytes(account.most),
                             .left = Bytes(account.alive),
                             .n_left = account.n_alive,
                             .n_ever = account.n_ever});
        }
    }
    std::stable_sort(sites.begin(), sites.end(), [](const TakenSite& a, const TakenSite& b) {
        return a.left != b.left ? a.left > b.left : a.most > b.most;
    });
    sites.resize(std::min(sites.size(), most_sites_shown));
    return sites;
}

}  // namespace hexcore
