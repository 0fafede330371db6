#include "hexcore/plan/parking_limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

/// 3 GiB of main memory, one of them on a GPU's host side.
Plan planned() {
    Plan plan;
    plan.host.weights = 7_GiB;  // page cache
    plan.host.compute = 1_GiB;
    plan.devices.resize(2);
    plan.devices[0].planned.weights = 2_GiB;
    plan.devices[1].kind = DeviceKind::cuda;
    plan.devices[1].planned.weights = 5_GiB;
    return plan;
}

ParkingRoom room(Bytes all, Bytes free) {
    return {.main_memory = all,
            .main_memory_free = free,
            .files = {.folder = "/parked", .total = 100_GiB, .free = 10_GiB}};
}

constexpr ParkingWish nothing_asked{.memory = {}, .files = {}};

ParkingLimits limits_of(const ParkingWish& wish, const ParkingRoom& room) {
    return limit_parking(planned(), wish, room).value();
}

Error refused(const ParkingWish& wish, const ParkingRoom& room) {
    const auto limits = limit_parking(planned(), wish, room);
    EXPECT_FALSE(limits.has_value());
    return limits ? Error{ErrorCode::negative, ""} : limits.error();
}

TEST(ParkingLimits, MainMemoryIsThatOfHostDevicesAndBeside) {
    EXPECT_EQ(main_memory_of(planned()), 3_GiB);
}

TEST(ParkingLimits, AreOrdinaryWhereNothingIsAskedFor) {
    EXPECT_EQ(limits_of(nothing_asked, room(64_GiB, 32_GiB)), (ParkingLimits{256_MiB, 0_B}));
}

TEST(ParkingLimits, AreOrdinaryForAPlanThatIsNotForNow) {
    EXPECT_EQ(limits_of(nothing_asked, room(64_GiB, 1_GiB)).memory, 256_MiB);
}

TEST(ParkingLimits, AreSmallerOnASmallMachine) {
    EXPECT_EQ(limits_of(nothing_asked, room(2_GiB, 1_GiB)).memory, 128_MiB);
}

TEST(ParkingLimits, LeaveHalfOfWhatThePlanLeaves) {
    EXPECT_EQ(limits_of(nothing_asked, room(64_GiB, 3_GiB + 101_MiB)).memory, 50_MiB);
    EXPECT_EQ(limits_of(nothing_asked, room(64_GiB, 3_GiB)).memory, 0_B);
}

TEST(ParkingLimits, AreNoneUnlessSomebodyWantsThem) {
    EXPECT_EQ(limits_of({}, room(64_GiB, 32_GiB)), ParkingLimits{});
}

TEST(ParkingLimits, AskedForHaveToFitBesideThePlan) {
    EXPECT_EQ(limits_of({.memory = 5_GiB}, room(8_GiB, 0_B)).memory, 5_GiB);
    const Error error = refused({.memory = 5_GiB + 1_B}, room(8_GiB, 8_GiB));
    EXPECT_EQ(error.code, ErrorCode::does_not_fit);
    EXPECT_THAT(error.message, HasSubstr("3.00 GiB (3221225472 bytes) are planned there besides"));
    EXPECT_THAT(error.message, HasSubstr(": 1 bytes too few"));
    ASSERT_EQ(error.remedies.size(), 1U);
    EXPECT_EQ(error.remedies[0].change, Change::set_parking_memory);
    EXPECT_EQ(error.remedies[0].value, "5120MiB");
    EXPECT_TRUE(refused({.memory = 1_GiB}, room(2_GiB, 2_GiB)).remedies.empty());
    EXPECT_EQ(refused({.memory = Bytes(~0ULL)}, room(8_GiB, 8_GiB)).code, ErrorCode::does_not_fit);
}

TEST(ParkingLimits, FilesHaveToFitOnTheirDisk) {
    const ParkingRoom here = room(64_GiB, 32_GiB);
    EXPECT_EQ(limits_of({.memory = {}, .files = 10_GiB}, here).files, 10_GiB);
    const Error error = refused({.memory = {}, .files = 10_GiB + 1_B}, here);
    EXPECT_EQ(error.code, ErrorCode::does_not_fit);
    EXPECT_THAT(error.message, HasSubstr("the disk of /parked has 10.00 GiB"));
    EXPECT_EQ(error.remedies.front().value, "10240MiB");
    EXPECT_TRUE(check_parking_files(1_GiB, {.folder = "/parked"}).has_value()) << "nobody can tell";
}

TEST(ParkingLimits, NeedAWayToTheFiles) {
    EXPECT_EQ(refused({.files = 1_GiB}, room(64_GiB, 32_GiB)).code, ErrorCode::usage);
    ParkingRoom homeless = room(64_GiB, 32_GiB);
    homeless.files = {};
    EXPECT_EQ(refused({.memory = {}, .files = 1_GiB}, homeless).code, ErrorCode::usage);
}

TEST(ParkingLimits, AreThoseOfThePlanUnlessOthersAreAskedFor) {
    Plan plan = planned();
    EXPECT_FALSE(nothing_asked.or_as_in(plan).memory.has_value());
    plan.parking = {.memory = 1_GiB, .files = 2_GiB};
    const ParkingWish as_planned = nothing_asked.or_as_in(plan);
    EXPECT_EQ(as_planned.memory, 1_GiB);
    EXPECT_EQ(as_planned.files, 2_GiB);
    EXPECT_EQ((ParkingWish{.memory = 3_GiB, .files = {}}.or_as_in(plan).memory), 3_GiB);
    EXPECT_EQ(ParkingWish{}.or_as_in(plan).memory, 0_B);
}

}  // namespace
}  // namespace hexcore::test
