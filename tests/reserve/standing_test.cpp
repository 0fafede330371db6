#include "hexcore/reserve/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace hexcore {
namespace {

ReservationRecord record(const char* file, std::uint64_t ticket, Claim claim) {
    ReservationRecord made;
    made.file = file;
    made.pid = 1;
    made.name = file;
    made.ticket = ticket;
    made.claim = std::move(claim);
    made.host_used = Bytes{};
    return made;
}

ReservationRecord waiting(const char* file, std::uint64_t ticket, Claim claim) {
    ReservationRecord made = record(file, ticket, std::move(claim));
    made.state = ReservationState::waiting;
    return made;
}

MachineNow machine() {
    return {.host_total = 16_GiB,
            .host_free = 12_GiB,
            .devices = {{"cuda:0", "GPU-0", 24_GiB, 20_GiB}, {"cuda:1", "GPU-1", 24_GiB, 10_GiB}},
            .cores = 8};
}

bool fits(const ReservationRecord& newcomer, const std::vector<ReservationRecord>& records,
          const KeptBack& kept = {}) {
    return shortages_of(newcomer, machine(), records, kept).empty();
}

TEST(Standing, WhatIsReservedAndNotYetTakenIsNotFree) {
    auto half_used = record("a", 1, {.host = 8_GiB, .devices = {{"cuda:0", "", 6_GiB, 2_GiB}}});
    half_used.host_used = 3_GiB;
    const Left left = left_of(machine(), {half_used});
    EXPECT_EQ(left.host, 7_GiB);
    EXPECT_EQ(left.devices[0].free, 16_GiB);
    EXPECT_EQ(left.devices[1].free, 10_GiB);
    EXPECT_TRUE(fits(record("b", 2, {.host = 7_GiB}), {half_used}));
    EXPECT_FALSE(fits(record("b", 2, {.host = 7_GiB + 1_B}), {half_used}));
    EXPECT_FALSE(fits(record("b", 2, {.devices = {{"cuda:0", "", 17_GiB}}}), {half_used}));
    EXPECT_TRUE(fits(record("b", 2, {.devices = {{"cuda:1", "", 10_GiB}}}), {half_used}));
}

TEST(Standing, WhoTakesMoreThanItReservedOwesNothing) {
    auto over = record("a", 1, {.host = 1_GiB});
    over.host_used = 5_GiB;
    EXPECT_EQ(left_of(machine(), {over}).host, 12_GiB);
}

TEST(Standing, OneDeviceUnderTwoNamesIsOneWhereItsUuidIsKnown) {
    const auto other_view = record("a", 1, {.devices = {{"cuda:0", "GPU-1", 4_GiB}}});
    const Left left = left_of(machine(), {other_view});
    EXPECT_EQ(left.devices[0].free, 20_GiB);
    EXPECT_EQ(left.devices[1].free, 6_GiB);
}

TEST(Standing, ADeviceThatIsNotThereHasNothing) {
    const auto shortages =
        shortages_of(record("a", 1, {.devices = {{"cuda:7", "", 1_B}}}), machine(), {});
    ASSERT_EQ(shortages.size(), 1U);
    EXPECT_EQ(shortages[0].what, "cuda:7");
    EXPECT_TRUE(shortages[0].is_forever);
}

TEST(Standing, WhoWaitsLongerComesFirstWhereBothWantTheSame) {
    auto held = record("held", 1, {.host = 2_GiB});
    held.host_used = 2_GiB;
    const auto big = waiting("big", 5, {.host = 14_GiB});
    EXPECT_FALSE(fits(record("small", 6, {.host = 1_GiB}), {held, big}));
    EXPECT_TRUE(fits(record("small", 4, {.host = 1_GiB}), {held, big}));
    EXPECT_TRUE(fits(record("other", 6, {.devices = {{"cuda:0", "", 20_GiB}}}), {held, big}));
    EXPECT_TRUE(fits(waiting("big", 5, {.host = 12_GiB}), {held, big})) << "not in its own way";
}

TEST(Standing, WhoWaitsForWhatNobodyReservedKeepsNobodyElseWaiting) {
    auto held = record("held", 1, {.host = 3_GiB});
    held.host_used = 1_GiB;
    const auto big = waiting("big", 5, {.host = 14_GiB});
    EXPECT_TRUE(fits(record("small", 6, {.host = 1_GiB}), {held, big}))
        << "with all that was reserved given back there are 13";
    EXPECT_EQ(left_of(machine(), {held, big}).host, 10_GiB);
    const auto of_gpu =
        waiting("gpu", 5, {.host = 12_GiB, .devices = {{"cuda:0", "GPU-0", 21_GiB}}});
    EXPECT_TRUE(fits(record("small", 6, {.host = 1_GiB}), {of_gpu}));
}

TEST(Standing, WhatStaysFreeAndWhatHasToBeFreeAreKept) {
    const KeptBack kept{.reserved = 1_GiB, .min_free = 4_GiB};
    EXPECT_TRUE(fits(record("a", 1, {.host = 11_GiB}), {}, kept));
    EXPECT_FALSE(fits(record("a", 1, {.host = 11_GiB + 1_B}), {}, kept));
    const auto most = record("a", 1, {.host = 9_GiB});
    EXPECT_FALSE(fits(record("b", 2, {.host = 1_GiB}), {most}, kept)) << "3 GiB are not 4";
    EXPECT_TRUE(fits(record("b", 2, {}), {most}, kept)) << "nothing is always there";
    const auto shortage = shortages_of(record("a", 1, {.host = 16_GiB}), machine(), {}, kept);
    ASSERT_EQ(shortage.size(), 1U);
    EXPECT_TRUE(shortage[0].is_forever) << "of 16 GiB 1 stays free";
}

TEST(Standing, APartTakesOfItsWhole) {
    auto whole = record("whole", 1, {.host = 10_GiB, .cores = 8});
    auto part = record("part", 2, {.host = 6_GiB, .cores = 4});
    part.within = "whole";
    EXPECT_TRUE(fits(part, {whole})) << "though 2 GiB and no core are left";
    EXPECT_EQ(left_of(machine(), {whole, part}).host, 2_GiB);
    auto larger = record("larger", 3, {.host = 6_GiB});
    larger.within = "part";
    EXPECT_TRUE(fits(larger, {whole, part}));
    larger.claim.host = 13_GiB;
    EXPECT_FALSE(fits(larger, {whole, part})) << "3 GiB more, and 2 are left";
    part.host_used = 6_GiB;
    EXPECT_EQ(left_of(machine(), {whole, part}).host, 8_GiB) << "it counts as the whole's use";
    part.within = "gone";
    EXPECT_FALSE(fits(part, {whole}));
}

TEST(Standing, PartsInACircleCountAllTheSame) {
    auto one = record("one", 1, {.host = 2_GiB});
    auto two = record("two", 2, {.host = 3_GiB});
    auto self = record("self", 3, {.host = 1_GiB});
    one.within = "two";
    two.within = "one";
    self.within = "self";
    EXPECT_EQ(left_of(machine(), {one, two, self}).host, 8_GiB) << "the larger of two, and one";
}

TEST(Standing, HugeClaimsDoNotWrapAround) {
    const Bytes huge(static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
    const std::vector<ReservationRecord> records{record("a", 1, {.host = huge}),
                                                 record("b", 2, {.host = huge}),
                                                 record("c", 3, {.host = huge})};
    EXPECT_EQ(left_of(machine(), records).host, Bytes{});
    EXPECT_FALSE(fits(record("d", 4, {.host = 1_B}), records));
}

TEST(Standing, CoresAreCountedForWhoAsksForThem) {
    const auto busy = record("a", 1, {.cores = 7});
    EXPECT_EQ(left_of(machine(), {busy}).cores, 1U);
    EXPECT_TRUE(fits(record("b", 2, {.cores = 1}), {busy}));
    EXPECT_FALSE(fits(record("b", 2, {.cores = 2}), {busy}));
    EXPECT_TRUE(fits(record("b", 2, {.host = 1_GiB}), {busy}));
    EXPECT_EQ(left_of(machine(), {busy, busy}).cores, 0U);
}

ReservationRecord wanting(const char* file, std::uint32_t cores) {
    auto made = record(file, 1, {.cores = cores});
    made.cores_wanted = 8;
    return made;
}

TEST(Standing, OfCoresEachHasWhatOthersLeaveAndOneAtLeast) {
    const auto own = record("own", 1, {.cores = 1});
    EXPECT_EQ(cores_for(own, 8, {own}), 8U);
    EXPECT_EQ(cores_for(own, 8, {own, record("a", 2, {.cores = 3})}), 5U);
    EXPECT_EQ(cores_for(own, 8, {own, record("a", 2, {.cores = 8})}), 1U);
    EXPECT_EQ(cores_for(own, 8, {own, record("a", 2, {.host = 1_GiB})}), 8U);
    EXPECT_EQ(cores_for(own, 8, {own, waiting("a", 2, {.cores = 8})}), 8U);
}

TEST(Standing, WhoWantMoreCoresShareThem) {
    const auto own = wanting("own", 8);
    EXPECT_EQ(cores_for(own, 8, {own, wanting("a", 1)}), 4U);
    EXPECT_EQ(cores_for(own, 8, {own, wanting("a", 1), wanting("b", 1)}), 3U);
    EXPECT_EQ(cores_for(own, 8, {own, wanting("a", 1), record("content", 2, {.cores = 2})}), 3U);
    EXPECT_EQ(cores_for(wanting("own", 1), 8, {own, wanting("a", 7)}), 1U) << "not yet given up";
}

TEST(Standing, WithinOneThatHasCoresTheseAreShared) {
    const auto whole = record("whole", 1, {.cores = 4});
    auto own = record("own", 2, {.cores = 1});
    own.within = "whole";
    auto beside = record("beside", 3, {.cores = 1});
    beside.within = "whole";
    const auto elsewhere = record("elsewhere", 4, {.cores = 4});
    EXPECT_EQ(cores_for(own, 8, {whole, own, beside, elsewhere}), 3U);
    EXPECT_EQ(cores_for(whole, 8, {whole, own, beside, elsewhere}), 4U);
}

TEST(Standing, StrangersAreNeitherPartsNorWholes) {
    const auto whole = record("whole", 1, {});
    auto own = record("own", 2, {});
    own.within = "whole";
    auto part = record("part", 3, {});
    part.within = "own";
    auto beside = record("beside", 4, {});
    beside.within = "whole";
    auto circle = record("circle", 5, {});
    circle.within = "circle";
    const auto strangers = strangers_to("own", {whole, own, part, beside, circle});
    ASSERT_EQ(strangers.size(), 2U);
    EXPECT_EQ(strangers[0].file, "beside");
    EXPECT_EQ(strangers[1].file, "circle");
}

TEST(Standing, WhatAProcessTookIsDealtOutToItsReservationsInOrder) {
    constexpr std::uint64_t here = 77;
    const auto silent = [](const char* file, std::uint64_t ticket, Bytes bytes, Bytes base) {
        auto made = record(file, ticket, {.host = bytes});
        made.pid = 9;
        made.pid_namespace = here;
        made.host_used.reset();
        made.host_base = base;
        return made;
    };
    std::vector<ReservationRecord> records{silent("second", 2, 4_GiB, 9_GiB),
                                           silent("first", 1, 8_GiB, 1_GiB),
                                           record("told", 3, {.host = 1_GiB})};
    auto elsewhere = silent("elsewhere", 4, 1_GiB, Bytes{});
    elsewhere.pid_namespace = 78;
    records.push_back(elsewhere);
    deal_out_used(records, here, [](std::uint32_t pid) {
        EXPECT_EQ(pid, 9U);
        return std::optional(11_GiB);
    });
    EXPECT_EQ(records[1].host_used, 8_GiB);
    EXPECT_EQ(records[0].host_used, 2_GiB) << "10 in all";
    EXPECT_EQ(records[2].host_used, Bytes{});
    EXPECT_EQ(records[3].host_used, std::nullopt);
}

}  // namespace
}  // namespace hexcore
