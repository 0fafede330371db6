#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hexcore/recording/told_records.hpp"
#include "hexcore/report/recorded_names.hpp"

namespace hexcore {

/// Where in a program memory was taken, and what became of it.
struct TakenSite {
    std::string device;   ///< as its holder names it
    std::string purpose;  ///< empty: not told, as the label
    std::string label;
    StackRef stack;            ///< null: none was asked for
    Bytes most;                ///< alive at any one time
    Bytes left;                ///< alive at the end, or when its process ended
    std::uint64_t n_left = 0;  ///< allocations
    std::uint64_t n_ever = 0;
};

using StacksByNumber = std::map<std::uint64_t, StackRef>;

/// Adds up allocations by site. Of 8,192 sites at most, the first.
class RecordingSites {
public:
    void event(const RecordedEvent& event);
    void site(const RecordedSiteSum& sum);

    /// The 100 of which most is left, or was alive.
    [[nodiscard]] std::vector<TakenSite> largest() const;
    [[nodiscard]] const StacksByNumber& stacks() const { return stacks_; }

private:
    struct Account {
        RecordedSite site;
        std::uint64_t alive = 0;
        std::uint64_t most = 0;
        std::uint64_t n_alive = 0;
        std::uint64_t n_ever = 0;

        void add(std::uint64_t bytes);
        void remove(std::uint64_t bytes);
    };
    [[nodiscard]] Account* account_of(const RecordedSite& site);

    std::map<SiteKey, Account> accounts_;
    StacksByNumber stacks_;
};

}  // namespace hexcore
