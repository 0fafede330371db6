#include "hexcore/backend/experts/cache_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <utility>

namespace hexcore {
namespace {

using Key = std::pair<std::uint32_t, std::uint32_t>;

CachedExpert at(std::uint32_t layer, std::uint32_t expert) {
    return {LayerIndex(layer), ExpertId(expert)};
}

CachedExpert at(const Key& key) { return at(key.first, key.second); }

/// A token: what it looks up, what is decided, and all of that arrives at once. Gives the hits.
std::size_t token(CachePolicy& cache, const std::vector<Key>& used) {
    std::size_t hits = 0;
    for (const Key& key : used) {
        hits += cache.lookup(at(key)).has_value() ? 1 : 0;
    }
    for (const ExpertUpload& upload : std::vector(cache.end_token())) {
        cache.arrived(upload.slot, Bytes(10));
    }
    return hits;
}

std::vector<Key> experts(std::uint32_t from, std::uint32_t to) {
    std::vector<Key> keys;
    for (std::uint32_t expert = from; expert < to; ++expert) {
        keys.emplace_back(0, expert);
    }
    return keys;
}

/// The same rules, said over a list that is sorted anew each time.
class PlainCache {
public:
    explicit PlainCache(const CachePolicyOptions& options)
        : options_(options), slots_(options.slots) {}

    std::optional<std::uint32_t> lookup(const Key& key) {
        used_.insert(key);
        for (std::uint32_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].holds && slots_[i].key == key) {
                if (slots_[i].coming) {
                    return std::nullopt;
                }
                slots_[i].stamp = ++clock_;
                return i;
            }
        }
        if (std::ranges::find(missed_, key) == missed_.end()) {
            missed_.push_back(key);
        }
        return std::nullopt;
    }

    std::vector<std::pair<Key, std::uint32_t>> end_token() {
        std::multimap<std::uint64_t, Key> wanted;
        for (const Key& key : missed_) {
            const auto before = last_miss_.find(key);
            if (before != last_miss_.end() && now_ - before->second <= options_.window_tokens) {
                wanted.emplace(now_ - before->second, key);
            }
            last_miss_[key] = now_;
        }
        std::vector<std::pair<Key, std::uint32_t>> uploads;
        for (const auto& [distance, key] : wanted) {
            if (uploads.size() == options_.uploads_per_token) {
                break;
            }
            const auto slot = room();
            if (!slot) {
                break;
            }
            slots_[*slot] = {.key = key, .holds = true, .coming = true, .stamp = 0};
            last_miss_.erase(key);
            uploads.emplace_back(key, *slot);
        }
        missed_.clear();
        used_.clear();
        ++now_;
        return uploads;
    }

    void arrived(std::uint32_t slot) {
        slots_[slot].coming = false;
        slots_[slot].stamp = ++clock_;
    }
    void abandon(std::uint32_t slot) {
        slots_[slot] = {};
        free_last_.push_back(slot);
    }

private:
    struct Slot {
        Key key;
        bool holds = false;
        bool coming = false;
        std::uint64_t stamp = 0;
    };

    std::optional<std::uint32_t> room() {
        if (!free_last_.empty()) {
            const std::uint32_t slot = free_last_.back();
            free_last_.pop_back();
            return slot;
        }
        if (fresh_ < slots_.size()) {
            return fresh_++;
        }
        std::optional<std::uint32_t> oldest;
        for (std::uint32_t i = 0; i < slots_.size(); ++i) {
            if (slots_[i].holds && !slots_[i].coming &&
                (!oldest || slots_[i].stamp < slots_[*oldest].stamp)) {
                oldest = i;
            }
        }
        const bool bypass = used_.size() > slots_.size();
        return oldest && !bypass && !used_.contains(slots_[*oldest].key) ? oldest : std::nullopt;
    }

    CachePolicyOptions options_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_last_;
    std::uint32_t fresh_ = 0;
    std::map<Key, std::uint64_t> last_miss_;
    std::vector<Key> missed_;
    std::set<Key> used_;
    std::uint64_t now_ = 1;
    std::uint64_t clock_ = 0;
};

/// Random tokens, whose copies arrive late, out of order, or never.
void compare(const CachePolicyOptions& options, std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto below = [&random](std::uint32_t n) {
        return static_cast<std::uint32_t>(random() % n);
    };
    CachePolicy cache(options);
    PlainCache plain(options);
    std::set<std::uint32_t> coming;
    const std::uint32_t n_experts = 4 + below(12);
    for (int step = 0; step < 400; ++step) {
        const std::uint32_t lookups = below(12);
        for (std::uint32_t i = 0; i < lookups; ++i) {
            // Of two random numbers the smaller: some are asked for more often than others.
            const Key key(below(3), std::min(below(n_experts), below(n_experts)));
            const auto slot = cache.lookup(at(key));
            const auto expected = plain.lookup(key);
            ASSERT_EQ(slot.has_value(), expected.has_value()) << seed << ", step " << step;
            ASSERT_TRUE(!slot || slot->value() == *expected) << seed << ", step " << step;
        }
        const auto& uploads = cache.end_token();
        const auto expected = plain.end_token();
        ASSERT_EQ(uploads.size(), expected.size()) << seed << ", step " << step;
        ASSERT_LE(uploads.size(), options.uploads_per_token);
        for (std::size_t i = 0; i < uploads.size(); ++i) {
            ASSERT_EQ(uploads[i].expert, at(expected[i].first)) << seed << ", step " << step;
            ASSERT_EQ(uploads[i].slot.value(), expected[i].second) << seed << ", step " << step;
            ASSERT_TRUE(coming.insert(uploads[i].slot.value()).second)
                << "a slot whose copy is under way got another";
        }
        for (auto slot = coming.begin(); slot != coming.end();) {
            const std::uint32_t chance = below(8);
            if (chance < 4) {
                cache.arrived(CacheSlot(*slot), Bytes(1));
                plain.arrived(*slot);
            } else if (chance == 4) {
                cache.abandon(CacheSlot(*slot));
                plain.abandon(*slot);
            }
            slot = chance <= 4 ? coming.erase(slot) : std::next(slot);
        }
    }
    const CachePolicyCounters& counters = cache.counters();
    EXPECT_EQ(counters.uploads, counters.uploaded.count() + counters.abandoned + coming.size());
}

TEST(CachePolicy, DecidesAsPlainRulesDoOnRandomTokens) {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) {
        compare({.slots = seed % 13, .uploads_per_token = seed % 4, .window_tokens = 1 + seed % 9},
                seed);
    }
}

TEST(CachePolicy, UploadsAtTheSecondMissWithinTheWindow) {
    CachePolicy cache({.slots = 4, .uploads_per_token = 4, .window_tokens = 3});
    EXPECT_EQ(token(cache, {{0, 1}, {0, 1}}), 0U);
    EXPECT_EQ(cache.counters().uploads, 0U) << "twice within one token is once";
    token(cache, {});
    token(cache, {});
    token(cache, {{0, 1}});
    EXPECT_EQ(cache.counters().uploads, 1U);
    EXPECT_EQ(token(cache, {{0, 1}}), 1U);

    token(cache, {{0, 2}});
    for (int i = 0; i < 3; ++i) {
        token(cache, {});
    }
    token(cache, {{0, 2}});
    EXPECT_EQ(cache.counters().uploads, 1U) << "four tokens later is a first miss again";
}

TEST(CachePolicy, FindsAnExpertOnlyOfItsLayer) {
    CachePolicy cache({.slots = 4, .uploads_per_token = 4});
    token(cache, {{1, 7}});
    token(cache, {{1, 7}});
    EXPECT_EQ(token(cache, {{7, 1}, {2, 7}, {1, 7}}), 1U);
}

TEST(CachePolicy, FindsNothingBeforeItArrivedAndNothingOnceItsEvictionIsDecided) {
    CachePolicy cache({.slots = 1, .uploads_per_token = 1});
    token(cache, {{0, 1}});
    EXPECT_FALSE(cache.lookup(at(0, 1)));
    ASSERT_EQ(cache.end_token().size(), 1U);
    EXPECT_FALSE(cache.lookup(at(0, 1))) << "its copy is under way";
    EXPECT_TRUE(cache.end_token().empty()) << "nor is it copied twice";
    cache.arrived(CacheSlot(0), Bytes(10));
    EXPECT_EQ(cache.lookup(at(0, 1)), CacheSlot(0));
    EXPECT_TRUE(cache.end_token().empty());

    token(cache, {{0, 2}});
    EXPECT_FALSE(cache.lookup(at(0, 2)));
    const std::vector<ExpertUpload> uploads = cache.end_token();
    ASSERT_EQ(uploads, (std::vector<ExpertUpload>{{at(0, 2), CacheSlot(0)}}));
    EXPECT_FALSE(cache.lookup(at(0, 1))) << "its place is being written over";
    (void)cache.end_token();
    cache.abandon(CacheSlot(0));
    EXPECT_FALSE(cache.lookup(at(0, 2)));
    EXPECT_EQ(cache.counters().abandoned, 1U);
}

TEST(CachePolicy, NeverEvictsWhatTheTokenUsed) {
    CachePolicy cache({.slots = 3, .uploads_per_token = 3});
    token(cache, experts(0, 3));
    token(cache, experts(0, 3));
    ASSERT_EQ(token(cache, experts(0, 3)), 3U);
    for (int i = 0; i < 5; ++i) {
        // Two of the three are used with the newcomer, so that only the third can go.
        token(cache, {{0, 0}, {0, 1}, {0, 9}});
    }
    EXPECT_EQ(token(cache, {{0, 0}, {0, 1}, {0, 9}}), 3U);
    EXPECT_EQ(token(cache, {{0, 2}}), 0U);
}

TEST(CachePolicy, KeepsWhatIsUsedThroughAScanOfOthers) {
    CachePolicy cache({.slots = 20, .uploads_per_token = 20, .window_tokens = 16});
    for (int i = 0; i < 3; ++i) {
        token(cache, experts(0, 10));
    }
    const std::uint64_t before = cache.counters().uploads;
    for (std::uint32_t i = 0; i < 100; ++i) {
        const std::uint32_t first = 100 + 10 * i;
        token(cache, experts(first, first + 10));
    }
    EXPECT_EQ(cache.counters().uploads, before);
    EXPECT_EQ(token(cache, experts(0, 10)), 10U);
}

TEST(CachePolicy, KeepsWhatIsThereWhenATokenNeedsMoreThanTheSlots) {
    CachePolicy cache({.slots = 30, .uploads_per_token = 8});
    std::size_t hits = 0;
    for (int i = 0; i < 100; ++i) {
        hits = token(cache, experts(0, 40));
        EXPECT_TRUE(cache.bypassed());
    }
    EXPECT_EQ(hits, 30U) << "plain recency would find none";
    EXPECT_EQ(cache.counters().uploads, 30U);
    token(cache, experts(50, 60));
    EXPECT_FALSE(cache.bypassed());
    token(cache, experts(50, 60));
    EXPECT_EQ(cache.counters().uploads, 38U) << "a smaller set of others displaces again";
}

TEST(CachePolicy, UploadsAtMostSoManyOfATokenThoseThatComeBackSoonestFirst) {
    CachePolicy cache({.slots = 100, .uploads_per_token = 2});
    token(cache, experts(0, 3));
    token(cache, experts(3, 6));
    for (const Key& key : experts(0, 6)) {
        (void)cache.lookup(at(key));
    }
    const std::vector<ExpertUpload> uploads = cache.end_token();
    ASSERT_EQ(uploads.size(), 2U);
    EXPECT_EQ(uploads[0].expert, at(0, 3));
    EXPECT_EQ(uploads[1].expert, at(0, 4));
}

TEST(CachePolicy, WithoutSlotsOrUploadsFindsNothing) {
    for (const CachePolicyOptions& options :
         {CachePolicyOptions{.slots = 0, .uploads_per_token = 4},
          CachePolicyOptions{.slots = 4, .uploads_per_token = 0}}) {
        CachePolicy cache(options);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(token(cache, experts(0, 3)), 0U);
        }
        EXPECT_EQ(cache.counters().lookups, 15U);
        EXPECT_EQ(cache.counters().uploads, 0U);
    }
}

TEST(CachePolicy, CountsWhatItWasAskedAndToldOf) {
    CachePolicy cache({.slots = 4, .uploads_per_token = 4});
    for (int i = 0; i < 3; ++i) {
        token(cache, experts(0, 3));
    }
    EXPECT_EQ(cache.counters().lookups, 9U);
    EXPECT_EQ(cache.counters().hits, 3U);
    EXPECT_EQ(cache.counters().uploads, 3U);
    EXPECT_EQ(cache.counters().uploaded, Bytes(30));
}

}  // namespace
}  // namespace hexcore
