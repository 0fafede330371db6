#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hexcore/backend/experts/cache_policy.hpp"

namespace hexcore {

/// An expert of the whole model, as one number.
using ExpertNumber = std::uint64_t;

/// A cache of experts that a trace is played to.
class ReplayedCache {
public:
    virtual ~ReplayedCache() = default;
    /// Whether it has that expert.
    virtual bool lookup(CachedExpert expert) = 0;
    /// A token ended; gives how many experts were copied for it.
    virtual std::uint64_t end_token() = 0;

protected:
    static ExpertNumber number(CachedExpert expert) {
        return static_cast<ExpertNumber>(expert.layer.value()) << 32U | expert.expert.value();
    }
};

/// CachePolicy; copies are there so many tokens after the one that they were decided behind.
class PolicyCache : public ReplayedCache {
public:
    PolicyCache(const CachePolicyOptions& options, std::size_t delay_tokens)
        : policy_(options), under_way_(delay_tokens) {}

    bool lookup(CachedExpert expert) override { return policy_.lookup(expert).has_value(); }
    std::uint64_t end_token() override {
        const std::vector<ExpertUpload>& uploads = policy_.end_token();
        const std::uint64_t count = uploads.size();
        under_way_.push_back(uploads);
        for (const ExpertUpload& upload : under_way_.front()) {
            policy_.arrived(upload.slot, Bytes());
        }
        under_way_.pop_front();
        return count;
    }

private:
    CachePolicy policy_;
    std::deque<std::vector<ExpertUpload>> under_way_;
};

/// Every miss is copied while the token waits for it, in place of the least recently used.
class RecencyCache : public ReplayedCache {
public:
    explicit RecencyCache(std::size_t slots) : slots_(slots) {}

    bool lookup(CachedExpert expert) override {
        const auto found = place_.find(number(expert));
        if (found != place_.end()) {
            order_.splice(order_.begin(), order_, found->second);
            return true;
        }
        ++copied_;
        if (slots_ == 0) {
            return false;
        }
        if (order_.size() == slots_) {
            place_.erase(order_.back());
            order_.pop_back();
        }
        order_.push_front(number(expert));
        place_[number(expert)] = order_.begin();
        return false;
    }
    std::uint64_t end_token() override { return std::exchange(copied_, 0); }

private:
    std::size_t slots_;
    std::list<ExpertNumber> order_;
    std::unordered_map<ExpertNumber, std::list<ExpertNumber>::iterator> place_;
    std::uint64_t copied_ = 0;
};

/// The same in place of anyone.
class RandomCache : public ReplayedCache {
public:
    explicit RandomCache(std::size_t slots) : slots_(slots) {}

    bool lookup(CachedExpert expert) override {
        if (held_.contains(number(expert))) {
            return true;
        }
        ++copied_;
        if (all_.size() < slots_) {
            all_.push_back(number(expert));
        } else if (!all_.empty()) {
            ExpertNumber& place = all_[random_() % all_.size()];
            held_.erase(place);
            place = number(expert);
        } else {
            return false;
        }
        held_.insert(number(expert));
        return false;
    }
    std::uint64_t end_token() override { return std::exchange(copied_, 0); }

private:
    std::size_t slots_;
    std::vector<ExpertNumber> all_;
    std::unordered_set<ExpertNumber> held_;
    std::mt19937_64 random_{1};
    std::uint64_t copied_ = 0;
};

/// What was put there once and stays.
class FixedCache : public ReplayedCache {
public:
    explicit FixedCache(const std::vector<CachedExpert>& experts) {
        for (const CachedExpert& expert : experts) {
            held_.insert(number(expert));
        }
    }
    bool lookup(CachedExpert expert) override { return held_.contains(number(expert)); }
    std::uint64_t end_token() override { return 0; }

private:
    std::unordered_set<ExpertNumber> held_;
};

}  // namespace hexcore
