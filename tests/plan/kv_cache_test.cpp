#include "hexcore/plan/kv_cache.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

ContextShape context(std::uint32_t tokens, std::uint32_t sequences = 1, KvType type = KvType::f16) {
    return {.tokens = TokenCount(tokens),
            .sequences = sequences,
            .kv_type = type,
            .ubatch = TokenCount(512)};
}

constexpr LayerShape mixtral{8, 128, 128};

TEST(KvCache, MixtralTakesFourKiBATokenAndLayerInF16) {
    EXPECT_EQ(kv_cache_bytes(mixtral, 0, context(32768)), 4_KiB * 32768);
}

TEST(KvCache, SmallerTypesTakeTheirBlockSizes) {
    EXPECT_EQ(kv_cache_bytes(mixtral, 0, context(256, 1, KvType::q8_0)),
              Bytes(2 * 1024 / 32 * 34 * 256));
    EXPECT_EQ(kv_cache_bytes(mixtral, 0, context(256, 1, KvType::q4_0)),
              Bytes(2 * 1024 / 32 * 18 * 256));
}

TEST(KvCache, ALatentLayerCachesNoValues) {
    EXPECT_EQ(kv_cache_bytes({1, 576, 0}, 0, context(1024)), Bytes(576 * 2 * 1024));
}

TEST(KvCache, ASlidingWindowNeedsTheWindowAndAUbatchForEachSequence) {
    EXPECT_EQ(kv_cache_bytes(mixtral, 128, context(32768)), 4_KiB * 768);
    EXPECT_EQ(kv_cache_bytes(mixtral, 128, context(32768, 4)), 4_KiB * 768 * 4);
    EXPECT_EQ(kv_cache_bytes(mixtral, 128, context(512)), 4_KiB * 512);
    ContextShape whole = context(32768);
    whole.swa_full = true;
    EXPECT_EQ(kv_cache_bytes(mixtral, 128, whole), 4_KiB * 32768);
}

TEST(KvCache, ContextsArePaddedTo256TokensForEachSequence) {
    EXPECT_EQ(padded(context(1)).tokens, TokenCount(256));
    EXPECT_EQ(padded(context(4096)).tokens, TokenCount(4096));
    EXPECT_EQ(padded(context(4097)).tokens, TokenCount(4352));
    EXPECT_EQ(padded(context(1000, 3)).tokens, TokenCount(1536));  // 1024 / 3 -> 512 for each
    EXPECT_EQ(padded(padded(context(1000, 3))).tokens, padded(context(1000, 3)).tokens);
}

}  // namespace
}  // namespace hexcore
