// Copies of experts at home, with a stand-in for the GPU.
#include "hexcore/backend/kernels/expert_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "support/fake_kernels.hpp"

namespace hexcore {
namespace {

using test::FakeKernels;
using test::LayerBesideMainMemory;
using test::LayerOptions;

class ExpertCaches : public ::testing::TestWithParam<bool> {
protected:
    ExpertCaches()
        : beside_({.n_used = 2, .is_merged = GetParam()}),
          memory_(ExpertCacheMemory::take(beside_.home(), 256_KiB, 2).value()),
          cache_(beside_.home()) {
        join(cache_, beside_.work);
        kernels_.watched = beside_.work.experts.part.cache.slots;
        kernels_.n_watched = 8;
    }

    void join(ExpertCache& cache, ChainWork& work) {
        cache.add_layer(beside_.chain);
        cache.reserve();
        cache.join(work, beside_.chain, kernels_.library(), nullptr);
    }

    /// A token that uses these, each from a copy where the table says that there is one.
    void use(std::int32_t a, std::int32_t b) {
        const std::vector<std::int32_t> table = kernels_.table();
        const auto way = [&](std::int32_t expert) -> std::int32_t {
            return table[static_cast<std::size_t>(expert)] < 0 ? HEXCORE_CUDA_HOST
                                                               : HEXCORE_CUDA_CACHED;
        };
        cache_.note(beside_.work, {a, b}, {way(a), way(b)});
        cache_.end_token();
    }

    [[nodiscard]] bool has_copy(std::size_t expert) const {
        const std::int32_t slot = kernels_.table()[expert];
        if (slot < 0) {
            return false;
        }
        // Gate's rows, up's and down's, where a launch would read them.
        const hexcore_cuda_cache& cache = beside_.work.experts.part.cache;
        const auto* const at = static_cast<const std::byte*>(cache.first) +
                               static_cast<std::size_t>(slot) * cache.slot_bytes;
        const auto is_there = [&](const ggml_tensor* weight, std::size_t place, std::size_t from,
                                  std::size_t size) {
            const ggml_tensor& shard = sharded(weight)->shards[1];
            EXPECT_EQ(
                std::memcmp(at + place,
                            static_cast<const std::byte*>(shard.data) + expert * shard.nb[2] + from,
                            size),
                0)
                << expert << ' ' << weight->name;
        };
        const ExpertChain& chain = beside_.chain;
        const std::size_t half = static_cast<std::size_t>(chain.shape.n_ff) * chain.gate->nb[1];
        is_there(chain.gate, 0, 0, half);
        is_there(chain.up, cache.up_at, GetParam() ? half : 0, half);
        is_there(chain.down, cache.down_at, 0, chain.down->nb[2]);
        return true;
    }

    FakeKernels kernels_;
    LayerBesideMainMemory beside_;
    std::unique_ptr<ExpertCacheMemory> memory_;
    ExpertCache cache_;
};

TEST_P(ExpertCaches, HaveCopiesFromTheTokenOnThatFindsThemComplete) {
    use(1, 3);
    use(1, 3);
    EXPECT_FALSE(has_copy(1)) << "on its way";
    use(1, 3);
    EXPECT_TRUE(has_copy(1));
    EXPECT_TRUE(has_copy(3));
    use(1, 3);
    const auto stats = beside_.home().expert_cache_stats();
    ASSERT_TRUE(stats.has_value());
    EXPECT_EQ(stats->slots, 2U);
    EXPECT_EQ(stats->lookups, 8U);
    EXPECT_EQ(stats->hits, 2U);
    EXPECT_EQ(stats->uploads, 2U);
    EXPECT_GT(stats->bytes, Bytes());
}

TEST_P(ExpertCaches, ForgetWhoIsDisplacedBeforeHisPlaceIsWrittenTo) {
    for (int token = 0; token < 3; ++token) {
        use(1, 3);
    }
    use(5, 7);
    use(5, 7);
    ASSERT_EQ(kernels_.table_at_upload.size(), 8U);
    EXPECT_EQ(std::count(kernels_.table_at_upload.begin(), kernels_.table_at_upload.end(), -1), 8);
    use(5, 7);
    EXPECT_TRUE(has_copy(5));
    EXPECT_TRUE(has_copy(7));
    EXPECT_FALSE(has_copy(1));
    EXPECT_FALSE(has_copy(3));
}

TEST_P(ExpertCaches, ComputeWithoutCopiesThatFailed) {
    kernels_.upload_error = 1;
    for (int token = 0; token < 5; ++token) {
        use(1, 3);
        EXPECT_FALSE(has_copy(1));
    }
    kernels_.upload_error = 0;
    kernels_.uploads.clear();
    for (int token = 0; token < 4; ++token) {
        use(1, 3);
    }
    EXPECT_TRUE(has_copy(1));
}

TEST_P(ExpertCaches, ChangeNothingAnyMoreWhereTheTableCanNotBeWritten) {
    for (int token = 0; token < 3; ++token) {
        use(1, 3);
    }
    kernels_.set_slots_error = 1;
    for (int token = 0; token < 5; ++token) {
        use(5, 7);
        EXPECT_TRUE(kernels_.uploads.empty());
    }
    EXPECT_TRUE(has_copy(1));
    EXPECT_TRUE(has_copy(3));
}

TEST_P(ExpertCaches, AreOfOneContext) {
    ExpertCache second(beside_.home());
    ChainWork work = beside_.work;
    work.experts.part.cache = {};
    join(second, work);
    EXPECT_EQ(work.experts.part.cache.slots, nullptr);
}

INSTANTIATE_TEST_SUITE_P(With, ExpertCaches, ::testing::Bool(),
                         [](const auto& merged) { return merged.param ? "merged" : "apart"; });

}  // namespace
}  // namespace hexcore
