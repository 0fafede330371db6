// The manager's figures against a plain model of the cache and against libllama's own size of each
// sequence, after each of thousands of random operations.
#include "hexcore/session/kv_manager.hpp"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

/// A kind of model by what its cache keeps of a text.
struct Kind {
    const char* architecture = nullptr;  ///< null: the tiny mixture, attention over all tokens
    bool all = true;                     ///< layers that keep each token
    bool window = false;                 ///< layers that keep those of a window
    bool state = false;                  ///< recurrent layers
};
constexpr Kind plain_kind;
constexpr Kind windows{.architecture = "gpt-oss", .window = true};
constexpr Kind hybrid{.architecture = "granitehybrid", .state = true};
constexpr Kind recurrent{.architecture = "mamba", .all = false, .state = true};
constexpr Kind indexed{.architecture = "deepseek32"};

/// What a session should have, in the plainest terms.
struct Expected {
    std::vector<Token> tokens;
    bool in_cache = false;
    bool parked = false;
    std::uint64_t used = 0;  ///< when it was last
    CacheCounts counts;
};

[[nodiscard]] auto as_tuple(const CacheCounts& counts) {
    return std::tuple(counts.tokens_computed, counts.tokens_reused, counts.tokens_evicted,
                      counts.shifts, counts.parked, counts.restored);
}

class KvManagerTest : public EngineTest {
protected:
    void begin(const Kind& kind, KvType type, ParkingOptions parking) {
        kind_ = kind;
        if (kind.architecture != nullptr) {
            write_kind(kind.architecture);
        }
        // More than a window with its batch takes.
        tokens_each_ = kind.window ? 512 : 256;
        start({.tokens_each = tokens_each_, .sequences = 3, .kv_type = type});
        engine_.reset();
        kv_.emplace(*model_, std::move(parking));
        decoder_.emplace(*model_);
        plain_.clear();
    }

    void compute(SessionCells& cells, std::size_t count, std::mt19937& random) {
        std::vector<Token> tokens(count);
        for (Token& token : tokens) {
            token = static_cast<Token>(random() % 128);
        }
        const SequenceTokens part{*cells.sequence, static_cast<std::uint32_t>(cells.tokens.size()),
                                  tokens};
        ASSERT_EQ(decoder_->decode({&part, 1}).value(), Decoded::whole);
        kv_->computed(cells, tokens);
        auto& plain = plain_of(cells).tokens;
        plain.insert(plain.end(), tokens.begin(), tokens.end());
        note(plain_of(cells), {.tokens_computed = count});
    }

    /// That this happened to that session, and so to all.
    void note(Expected& plain, const CacheCounts& more) {
        for (CacheCounts* counts : {&plain.counts, &counts_}) {
            counts->tokens_computed += more.tokens_computed;
            counts->tokens_evicted += more.tokens_evicted;
            counts->shifts += more.shifts;
            counts->parked += more.parked;
            counts->restored += more.restored;
        }
    }

    [[nodiscard]] std::size_t state_size(std::uint32_t sequence) {
        return llama_state_seq_get_size(&model_->context(), static_cast<llama_seq_id>(sequence));
    }

    /// What libllama writes of a sequence of each length is the oracle: for each cell of a cache 12
    /// bytes and the rows of K and V, and headers of a fixed size.
    void measure_sizes(std::mt19937& random) {
        SessionCells& cells = kv_->add();
        plain_.emplace_back(&cells, Expected{});
        ASSERT_TRUE(kv_->bring_in(cells));
        sizes_ = {state_size(*cells.sequence)};
        while (sizes_.size() <= tokens_each_) {
            compute(cells, 1, random);
            sizes_.push_back(state_size(*cells.sequence));
        }
        plain_.clear();
        kv_->remove(cells);
        bytes_ = {0};
        for (std::size_t n = 1; n <= tokens_each_; ++n) {
            bytes_.push_back(sizes_[n] - meta_size(n) - headers_size());
        }
    }

    [[nodiscard]] std::size_t in_window(std::size_t n) const {
        const std::size_t most = static_cast<std::size_t>(llama_model_n_swa(&model_->model()));
        return kind_.window ? std::min(n, most) : 0;
    }
    [[nodiscard]] std::size_t meta_size(std::size_t n) const {
        const std::size_t caches = kind_.architecture == indexed.architecture ? 2 : 1;
        return 12 * ((kind_.all ? caches * n : 0) + in_window(n));
    }
    /// What is neither a cell nor a recurrent state, which the books of the devices know.
    [[nodiscard]] std::size_t headers_size() const {
        std::size_t states = 0;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            states += machine_->device(DeviceId(i)).memory().accounted().recurrent.count() / 3;
        }
        EXPECT_EQ(states > 0, kind_.state);
        return sizes_[1] - meta_size(1) - (sizes_[2] - sizes_[1] - (meta_size(2) - meta_size(1))) -
               states;
    }

    [[nodiscard]] Expected& plain_of(const SessionCells& cells) {
        return std::ranges::find(plain_, &cells, &std::pair<SessionCells*, Expected>::first)
            ->second;
    }

    [[nodiscard]] std::uint64_t cells_used() const {
        std::uint64_t used = 0;
        for (const auto& [cells, plain] : plain_) {
            used += plain.in_cache ? plain.tokens.size() : 0;
        }
        return used;
    }

    void expect_true_figures() {
        const std::uint64_t used = cells_used();
        std::uint64_t parked = 0;
        Bytes bytes;
        for (const auto& [cells, plain] : plain_) {
            ASSERT_EQ(cells->tokens, plain.tokens);
            ASSERT_EQ(cells->sequence.has_value(), plain.in_cache);
            ASSERT_EQ(cells->parked.has_value(), plain.parked);
            ASSERT_EQ(as_tuple(kv_->stats(cells).counts), as_tuple(plain.counts));
            parked += plain.parked ? 1 : 0;
            if (plain.in_cache) {
                ASSERT_EQ(state_size(*cells->sequence), sizes_[plain.tokens.size()]);
                ASSERT_EQ(kv_->stats(cells).session_bytes, Bytes(bytes_[plain.tokens.size()]));
                bytes += Bytes(bytes_[plain.tokens.size()]);
            }
        }
        most_ = std::max(most_, used);
        most_bytes_ = std::max(most_bytes_, bytes);
        const CacheStats stats = kv_->stats();
        ASSERT_EQ(stats.cells_used, used);
        ASSERT_EQ(stats.cells_high_water, most_);
        ASSERT_EQ(stats.used(), bytes);
        ASSERT_EQ(stats.high_water, most_bytes_);
        expect_true_devices(stats, used);
        ASSERT_EQ(stats.sessions, plain_.size());
        ASSERT_EQ(stats.sessions_parked, parked);
        ASSERT_EQ(as_tuple(stats.counts), as_tuple(counts_));
        ASSERT_EQ(machine_->host().accounted().parked, stats.parked_memory);
        ASSERT_LE(machine_->host().budget().peak(), host_before_ + parking_.memory);
        ASSERT_LE(stats.parked_files, parking_.files);
    }

    void expect_true_devices(const CacheStats& stats, std::uint64_t used) const {
        ASSERT_EQ(stats.devices.size(), machine_->size());
        for (std::size_t i = 0; i < stats.devices.size(); ++i) {
            const DeviceCache& device = stats.devices[i];
            const Usage accounted = machine_->device(DeviceId(i)).memory().accounted();
            ASSERT_EQ(device.total, accounted.kv + accounted.recurrent);
            ASSERT_LE(device.used, device.high_water);
            ASSERT_LE(device.high_water, device.total);
            ASSERT_LE(device.cells_high_water, device.cells_total);
            if (kind_.architecture == nullptr) {
                ASSERT_EQ(device.cells_total, stats.cells_total);
                ASSERT_EQ(device.cells_used, used);
                ASSERT_EQ(device.used, Bytes(accounted.kv.count() / stats.cells_total * used));
            }
        }
    }

    void note_most() {
        most_ = std::max(most_, cells_used());
        Bytes bytes;
        for (const auto& [cells, plain] : plain_) {
            bytes += Bytes(plain.in_cache ? bytes_[plain.tokens.size()] : 0);
        }
        most_bytes_ = std::max(most_bytes_, bytes);
    }

    /// bring_in() as the plain model has it: whoever was used least recently makes room.
    void bring_in(SessionCells& cells, bool parks) {
        Expected& plain = plain_of(cells);
        if (!plain.in_cache) {
            std::vector<Expected*> there;
            for (auto& [other, expected] : plain_) {
                if (expected.in_cache) {
                    there.push_back(&expected);
                }
            }
            if (there.size() == 3) {
                Expected& victim = **std::ranges::min_element(there, {}, &Expected::used);
                victim.in_cache = false;
                victim.parked = parks && !victim.tokens.empty();
                if (victim.parked) {
                    note(victim, {.parked = 1});
                } else {
                    note(victim, {.tokens_evicted = victim.tokens.size()});
                    victim.tokens.clear();
                }
            }
        }
        ASSERT_TRUE(kv_->bring_in(cells));
        plain.in_cache = true;
        note(plain, {.restored = plain.parked ? 1U : 0U});
        plain.parked = false;
        plain.used = ++clock_;
        note_most();  // they may go again before anybody looks
        kv_->let_go(cells);
    }

    void random_operation(std::mt19937& random, bool parks) {
        if (plain_.empty() || (plain_.size() < 8 && random() % 6 == 0)) {
            plain_.emplace_back(&kv_->add(), Expected{});
            return;
        }
        auto chosen = plain_.begin();
        std::advance(chosen, random() % plain_.size());
        SessionCells& cells = *chosen->first;
        const auto kind = random() % 12;
        if (kind == 0) {
            plain_.erase(chosen);
            kv_->remove(cells);
            return;
        }
        bring_in(cells, parks);
        std::vector<Token>& tokens = plain_of(cells).tokens;
        if (kind < 3) {
            const auto keep = static_cast<std::uint32_t>(random() % (tokens.size() + 1));
            const std::uint32_t kept = kv_->keep_first(cells, keep);
            // A recurrent state has no parts; of a window some cells may be gone.
            ASSERT_TRUE(kept == keep || (kept == 0 && (kind_.window || kind_.state)))
                << kept << " of " << keep;
            tokens.resize(kept);
        } else if (kind < 5 && tokens.size() > 20 && kv_->abilities().slide) {
            const auto keep = static_cast<std::uint32_t>(random() % 8);
            const std::uint32_t out = kv_->slide(cells, keep);
            ASSERT_EQ(out, (tokens.size() - keep) / 2);
            note(plain_of(cells), {.tokens_evicted = out, .shifts = 1});
            tokens.erase(tokens.begin() + keep, tokens.begin() + keep + out);
            compute(cells, 1, random);
        } else if (const std::size_t room = tokens_each_ - tokens.size(); room > 0) {
            compute(cells, 1 + random() % std::min<std::size_t>(room, 40), random);
        }
    }

    void check(const Kind& kind, KvType type, const ParkingOptions& parking, int operations) {
        parking_ = parking;
        begin(kind, type, parking);
        std::mt19937 random(11);
        counts_ = {};
        most_ = 0;
        measure_sizes(random);
        most_ = tokens_each_;
        most_bytes_ = Bytes(*std::ranges::max_element(bytes_));
        host_before_ = machine_->host().budget().used();
        machine_->host().reset_statistics();
        for (int i = 0; i < operations && !HasFatalFailure(); ++i) {
            SCOPED_TRACE(i);
            random_operation(random, parking.memory > 0_B);
            expect_true_figures();
        }
    }

    void TearDown() override {
        kv_.reset();
        decoder_.reset();
    }

    Kind kind_;
    std::uint32_t tokens_each_ = 0;
    ParkingOptions parking_;
    Bytes host_before_;
    std::optional<KvManager> kv_;
    std::optional<Decoder> decoder_;
    std::vector<std::pair<SessionCells*, Expected>> plain_;
    std::uint64_t clock_ = 0;
    CacheCounts counts_;  ///< of all, those that have gone among them
    std::uint64_t most_ = 0;
    Bytes most_bytes_;
    std::vector<std::size_t> sizes_;  ///< [tokens], as libllama writes a sequence
    std::vector<std::size_t> bytes_;  ///< [tokens], of these what lies in the cache
};

TEST_F(KvManagerTest, NoStateIsTakenWhileKeysAreStillToBeMoved) {
    parking_ = {.memory = 64_MiB};
    begin(plain_kind, KvType::f16, parking_);
    std::mt19937 random(5);
    std::vector<SessionCells*> sessions;
    for (int i = 0; i < 4; ++i) {
        sessions.push_back(&kv_->add());
        plain_.emplace_back(sessions.back(), Expected{});
    }
    ASSERT_TRUE(kv_->bring_in(*sessions[0]));
    compute(*sessions[0], 40, random);
    kv_->let_go(*sessions[0]);
    EXPECT_EQ(kv_->slide(*sessions[0], 4), 18U);
    EXPECT_TRUE(kv_->cannot_park(*sessions[0]));
    EXPECT_FALSE(kv_->can_copy_first(*sessions[0], 10));
    kv_->save_prefix(*sessions[0]);
    EXPECT_FALSE(kv_->has_prefix(sessions[0]->tokens, {}));
    for (int i = 1; i < 4; ++i) {
        ASSERT_TRUE(kv_->bring_in(*sessions[i]));
    }
    // It made room, and what it had is gone instead of wrong.
    EXPECT_FALSE(sessions[0]->sequence || sessions[0]->parked);
    EXPECT_EQ(kv_->kept(*sessions[0]), 0U);
    EXPECT_EQ(kv_->stats().counts.tokens_evicted, 40U);
}

TEST_F(KvManagerTest, FiguresAreTrueWithoutParking) { check(plain_kind, KvType::f16, {}, 600); }

TEST_F(KvManagerTest, FiguresAreTrueWithParkingInMemory) {
    check(plain_kind, KvType::f16, {.memory = 64_MiB}, 800);
}

TEST_F(KvManagerTest, FiguresAreTrueOfAQuantisedCache) {
    check(plain_kind, KvType::q8_0, {.memory = 64_MiB}, 400);
}

TEST_F(KvManagerTest, FiguresAreTrueWithParkingInFiles) {
    check(plain_kind, KvType::f16,
          {.memory = 500_KiB, .files = 64_MiB, .folder = folder_.path() / "parked"}, 400);
}

TEST_F(KvManagerTest, FiguresAreTrueOfWindows) {
    check(windows, KvType::f16, {.memory = 64_MiB}, 300);
}

TEST_F(KvManagerTest, FiguresAreTrueOfHybridModels) {
    check(hybrid, KvType::f16, {.memory = 64_MiB}, 300);
}

TEST_F(KvManagerTest, FiguresAreTrueOfRecurrentModels) {
    check(recurrent, KvType::f16, {.memory = 64_MiB}, 300);
}

TEST_F(KvManagerTest, FiguresAreTrueOfModelsWithAnIndexBesideTheCache) {
    check(indexed, KvType::f16, {.memory = 64_MiB}, 200);
}

}  // namespace
}  // namespace hexcore::test
