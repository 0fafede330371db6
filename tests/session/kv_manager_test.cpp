// The manager's figures against a plain model of the cache and against libllama's own size of each
// sequence, after each of thousands of random operations.
#include "hexcore/session/kv_manager.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

/// What a session should have, in the plainest terms.
struct Expected {
    std::vector<Token> tokens;
    bool in_cache = false;
    bool parked = false;
    std::uint64_t used = 0;  ///< when it was last
};

class KvManagerTest : public EngineTest {
protected:
    void begin(KvType type, ParkingOptions parking) {
        start({.sequences = 3, .kv_type = type});
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
        computed_ += count;
    }

    /// 12 bytes and the rows of K and V for each cell, and headers of a fixed size.
    std::size_t state_size(std::size_t cells) {
        if (cells == 0) {
            return empty_size_;
        }
        return first_size_ + (cells - 1) * cell_size_;
    }

    void measure_sizes(std::mt19937& random) {
        SessionCells& cells = kv_->add();
        plain_.emplace_back(&cells, Expected{});
        ASSERT_TRUE(kv_->bring_in(cells));
        const auto size = [&] {
            return llama_state_seq_get_size(&model_->context(),
                                            static_cast<llama_seq_id>(*cells.sequence));
        };
        empty_size_ = size();
        compute(cells, 1, random);
        first_size_ = size();
        compute(cells, 1, random);
        cell_size_ = size() - first_size_;
        plain_.clear();
        kv_->remove(cells);
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
        for (const auto& [cells, plain] : plain_) {
            ASSERT_EQ(cells->tokens, plain.tokens);
            ASSERT_EQ(cells->sequence.has_value(), plain.in_cache);
            ASSERT_EQ(cells->parked.has_value(), plain.parked);
            parked += plain.parked ? 1 : 0;
            if (plain.in_cache) {
                ASSERT_EQ(llama_state_seq_get_size(&model_->context(),
                                                   static_cast<llama_seq_id>(*cells->sequence)),
                          state_size(plain.tokens.size()));
            }
        }
        most_ = std::max(most_, used);
        const CacheStats stats = kv_->stats();
        ASSERT_EQ(stats.cells_used, used);
        ASSERT_EQ(stats.cells_high_water, most_);
        ASSERT_EQ(stats.sessions, plain_.size());
        ASSERT_EQ(stats.sessions_parked, parked);
        ASSERT_EQ(stats.counts.tokens_computed, computed_);
        ASSERT_EQ(machine_->host().accounted().parked, stats.parked_memory);
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
                if (!victim.parked) {
                    victim.tokens.clear();
                }
            }
        }
        ASSERT_TRUE(kv_->bring_in(cells));
        plain.in_cache = true;
        plain.parked = false;
        plain.used = ++clock_;
        most_ = std::max(most_, cells_used());  // they may go again before anybody looks
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
            ASSERT_EQ(kv_->keep_first(cells, keep), keep);
            tokens.resize(keep);
        } else if (kind < 5 && tokens.size() > 20) {
            const auto keep = static_cast<std::uint32_t>(random() % 8);
            const std::uint32_t out = kv_->slide(cells, keep);
            ASSERT_EQ(out, (tokens.size() - keep) / 2);
            tokens.erase(tokens.begin() + keep, tokens.begin() + keep + out);
            compute(cells, 1, random);
        } else if (const std::size_t room = 256 - tokens.size(); room > 0) {
            compute(cells, 1 + random() % std::min<std::size_t>(room, 40), random);
        }
    }

    void check(KvType type, const ParkingOptions& parking, int operations) {
        begin(type, parking);
        std::mt19937 random(11);
        computed_ = most_ = 0;
        measure_sizes(random);
        most_ = 2;
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

    std::optional<KvManager> kv_;
    std::optional<Decoder> decoder_;
    std::vector<std::pair<SessionCells*, Expected>> plain_;
    std::uint64_t clock_ = 0;
    std::uint64_t computed_ = 0;
    std::uint64_t most_ = 0;
    std::size_t empty_size_ = 0;
    std::size_t first_size_ = 0;
    std::size_t cell_size_ = 0;
};

TEST_F(KvManagerTest, FiguresAreTrueWithoutParking) { check(KvType::f16, {}, 600); }

TEST_F(KvManagerTest, FiguresAreTrueWithParkingInMemory) {
    check(KvType::f16, {.memory = 64_MiB}, 800);
}

TEST_F(KvManagerTest, FiguresAreTrueOfAQuantisedCache) {
    check(KvType::q8_0, {.memory = 64_MiB}, 400);
}

TEST_F(KvManagerTest, FiguresAreTrueWithParkingInFiles) {
    check(KvType::f16, {.memory = 500_KiB, .files = 64_MiB, .folder = folder_.path() / "parked"},
          400);
}

}  // namespace
}  // namespace hexcore::test
