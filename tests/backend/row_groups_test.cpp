#include "hexcore/backend/execution/row_groups.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

namespace hexcore {
namespace {

RowGroups of(const std::vector<std::uint32_t>& rows_of_expert, std::size_t n_tokens) {
    return group_rows(rows_of_expert, n_tokens);
}

TEST(RowGroups, OfBatchesAreAsLargeAsNoExpertComesTwiceInOne) {
    EXPECT_EQ(of({100, 90, 110, 120}, 512).slots, 2U) << "four experts would have 105 groups";
    EXPECT_EQ(of({100, 100, 100, 100}, 512).slots, 4U);
    EXPECT_EQ(of(std::vector<std::uint32_t>(64, 32), 512).slots, 32U);
    EXPECT_EQ(of({400, 10, 10}, 512).slots, 1U);
    EXPECT_EQ(of({400, 10, 10}, 512).tokens, 420U);
    EXPECT_EQ(of({301}, 512).slots, 1U);
}

TEST(RowGroups, AreMoreThanEightOnlyInBatchesOfMore) {
    EXPECT_EQ(of({5, 5, 5, 5}, 16).slots, 2U) << "four would be five groups";
    EXPECT_EQ(of({5, 5, 5, 5}, 16).tokens, 10U);
    for (std::uint32_t more = 0; more <= 8; ++more) {
        const RowGroups groups = of({8, 8, more, 1, 3, 8, 2, 0}, 8);
        EXPECT_EQ(groups.tokens, 8U);
        EXPECT_LE(groups.rows(), 30U + more + most_fillers(8, 8));
    }
    EXPECT_EQ(of({3, 3, 3}, 4).rows(), 9U) << "nothing fills up";
}

/// An I32 tensor {n_used, n_tokens} with its values, and one of activations.
struct Choice {
    Choice(std::size_t n_experts, std::size_t n_used, std::size_t n_tokens, std::mt19937& random) {
        ids.type = GGML_TYPE_I32;
        ids.ne[0] = static_cast<std::int64_t>(n_used);
        make_contiguous(ids, static_cast<std::int64_t>(n_tokens), 1);
        x.type = GGML_TYPE_F32;
        x.ne[0] = 4;
        make_contiguous(x, n_tokens % 2 == 0 ? 1 : ids.ne[0], ids.ne[1]);
        std::vector<std::int32_t> experts(n_experts);
        std::iota(experts.begin(), experts.end(), 0);
        for (std::size_t token = 0; token < n_tokens; ++token) {
            std::shuffle(experts.begin(), experts.end(), random);
            chosen.insert(chosen.end(), experts.begin(),
                          experts.begin() + static_cast<std::ptrdiff_t>(n_used));
        }
    }

    ggml_tensor ids{};
    ggml_tensor x{};
    std::vector<std::int32_t> chosen;
};

TEST(GroupedRows, AreEachInItsPlaceWithItsExpertAndItsActivations) {
    std::mt19937 random(5);
    for (int i = 0; i < 200; ++i) {
        const std::size_t n_experts = 1 + random() % 40;
        const std::size_t n_used = 1 + random() % n_experts;
        const std::size_t n_tokens = 1 + random() % 30;
        SCOPED_TRACE(fmt::format("{} of {} experts, {} tokens", n_used, n_experts, n_tokens));
        std::vector<DeviceId> device_of;
        for (std::size_t e = 0; e < n_experts; ++e) {
            device_of.emplace_back(random() % 3);
        }
        const ExpertMap map(DeviceId(0), device_of, 3);
        const Choice choice(n_experts, n_used, n_tokens, random);
        const ExpertRegion region{0, 0, &map, &choice.ids, &choice.x};
        ExpertRows rows(map, choice.ids);
        rows.sort(reinterpret_cast<const std::byte*>(choice.chosen.data()));
        GroupedRows grouped({false, true, false});
        grouped.arrange(region, rows);
        std::vector<std::int32_t> local_ids(grouped.size(), -1);
        std::vector<std::int32_t> input_rows(grouped.size(), -1);
        std::vector<std::int32_t> places(rows.size(), -1);
        grouped.write(region, rows, local_ids.data(), input_rows.data(), places.data());

        EXPECT_EQ(std::set<std::int32_t>(places.begin(), places.end()).size(), rows.size());
        for (std::size_t row = 0; row < rows.size(); ++row) {
            const auto expert = static_cast<std::size_t>(choice.chosen[row]);
            const auto place = static_cast<std::size_t>(places[row]);
            const DeviceId device = map.device_of(expert);
            ASSERT_GE(place, grouped.first(device));
            ASSERT_LT(place, grouped.first(device) + grouped.groups(device).rows());
            EXPECT_EQ(local_ids[place], static_cast<std::int32_t>(map.local_of(expert)));
            const std::size_t slots = static_cast<std::size_t>(choice.x.ne[1]);
            EXPECT_EQ(input_rows[place],
                      static_cast<std::int32_t>(row / n_used * slots + row % n_used % slots));
        }
        for (std::size_t d = 0; d < 3; ++d) {
            const RowGroups groups = grouped.groups(DeviceId(d));
            if (groups.rows() > 0) {
                const std::size_t own = map.count_on(DeviceId(d));
                EXPECT_LE(groups.rows(), rows.count(DeviceId(d)) + most_fillers(own, n_tokens));
            }
            for (std::size_t token = 0; token < groups.tokens; ++token) {
                const auto* first =
                    local_ids.data() + grouped.first(DeviceId(d)) + token * groups.slots;
                EXPECT_EQ(std::set<std::int32_t>(first, first + groups.slots).size(), groups.slots);
                EXPECT_GE(*std::min_element(first, first + groups.slots), 0);
            }
        }
    }
}

}  // namespace
}  // namespace hexcore
