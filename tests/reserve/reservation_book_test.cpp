#include "hexcore/reserve/reservation_book.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Book : public ::testing::Test {
protected:
    Book() { ::unsetenv("HEXCORE_RESERVATION"); }
    ~Book() override { ::unsetenv("HEXCORE_RESERVATION"); }

    /// Of a machine with 16 GiB, 10 of them free, that does not change by what tests take.
    ReservationBook book(KeptBack kept = {}) const {
        auto opened = ReservationBook::open(
            {.folder = temp_ / "reservations", .kept = kept, .look = [this](LookAt at) {
                 MachineNow now{.host_total = 16_GiB, .host_free = 10_GiB, .cores = 4};
                 if (at == LookAt::host_and_gpus) {
                     now.devices = {{"cuda:0", "GPU-0", 8_GiB, 8_GiB}};
                 }
                 look_at_ = at;
                 return Result<MachineNow>(now);
             }});
        EXPECT_TRUE(opened) << opened.error().message;
        return *std::move(opened);
    }
    MemoryReservation taken(const char* name, const Claim& claim) const {
        auto reservation = book().reserve(name, claim);
        EXPECT_TRUE(reservation) << reservation.error().message;
        // Others would see what this process takes meanwhile.
        EXPECT_TRUE(reservation->tell_used(Bytes{}));
        return *std::move(reservation);
    }
    Bytes left() const { return book().left(LookAt::host)->host; }

    test::TempFolder temp_;
    mutable LookAt look_at_ = LookAt::host;
};

TEST_F(Book, WhatIsReservedIsNotLeftUntilItIsGivenBack) {
    {
        const auto first = taken("first", {.host = 4_GiB});
        EXPECT_TRUE(first.is_held());
        EXPECT_EQ(left(), 6_GiB);
        auto second = taken("second", {.host = 6_GiB});
        EXPECT_EQ(left(), Bytes{});
        second.release();
        EXPECT_FALSE(second.is_held());
        EXPECT_EQ(left(), 6_GiB);
    }
    EXPECT_EQ(left(), 10_GiB);
}

TEST_F(Book, ARefusalNamesWhoHasIt) {
    const auto first = taken("tests/test_train.py::test_all", {.host = 8_GiB});
    const auto refused = book({.reserved = 1_GiB}).reserve("mine", {.host = 3_GiB});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_EQ(refused.error().message,
              fmt::format("mine needs 3.00 GiB of main memory, and 1.00 GiB are left beside 1.00 "
                          "GiB that stay free; reserved and not yet taken are 8.00 GiB by process "
                          "{} (tests/test_train.py::test_all); wait until others have ended, or "
                          "ask for less",
                          ::getpid()));
    ASSERT_TRUE(refused.error().refused);
    EXPECT_EQ(refused.error().refused->wanted_bytes, (3_GiB).count());
    EXPECT_EQ(book().read()->records.size(), 1U) << "what was refused does not wait";
}

TEST_F(Book, WhatCanNeverBeIsRefusedWithoutAWait) {
    const auto refused = book().reserve("mine", {.host = 17_GiB}, {.deadline = 1h});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("more than there ever is: ask for less"));
    const auto no_such =
        book().reserve("mine", {.devices = {{"cuda:3", "", 1_B}}}, {.deadline = 1h});
    EXPECT_THAT(no_such.error().message, HasSubstr("cuda:3"));
    for (const Claim& nonsense :
         {Claim{.devices = {{"", "", 1_B}}}, Claim{.devices = {{"cuda:0"}, {"cuda:0"}}}}) {
        EXPECT_EQ(book().reserve("mine", nonsense).error().code, ErrorCode::usage);
    }
}

TEST_F(Book, GpusAreLookedAtOnlyByWhoWantsThem) {
    const auto host = taken("host", {.host = 1_GiB});
    EXPECT_EQ(look_at_, LookAt::host);
    const auto gpu = taken("gpu", {.devices = {{"cuda:0", "GPU-0", 5_GiB}}});
    EXPECT_EQ(look_at_, LookAt::host_and_gpus);
    EXPECT_EQ(book().left(LookAt::host_and_gpus)->devices[0].free, 3_GiB);
}

/// A driver may take long; and what others take meanwhile is not counted as free.
TEST_F(Book, NobodyWaitsWhileGpusAreLookedAt) {
    auto other = taken("other", {.devices = {{"cuda:0", "GPU-0", 3_GiB}}});
    std::optional<MemoryReservation> beside;
    int looks = 0;
    const auto slow = ReservationBook::open(
        {.folder = temp_ / "reservations",
         .look =
             [&](LookAt) {
                 // Of 8 GiB the other takes its 3 after this was measured, and somebody reserves 4.
                 if (looks++ == 0) {
                     EXPECT_TRUE(other.tell_used(Bytes{}, {3_GiB}));
                     beside = taken("beside", {.devices = {{"cuda:0", "GPU-0", 4_GiB}}});
                 }
                 return Result<MachineNow>(
                     MachineNow{.host_total = 16_GiB,
                                .host_free = 10_GiB,
                                .devices = {{"cuda:0", "GPU-0", 8_GiB, 8_GiB}},
                                .cores = 4});
             },
         .longest_turn = 60s});
    EXPECT_FALSE(slow->reserve("two", {.devices = {{"cuda:0", "GPU-0", 2_GiB}}}));
    EXPECT_EQ(looks, 1);
    EXPECT_TRUE(beside.has_value());
    EXPECT_TRUE(slow->reserve("one", {.devices = {{"cuda:0", "GPU-0", 1_GiB}}}));
}

TEST_F(Book, AWaitEndsWhenThereIsEnough) {
    auto first = std::optional(taken("first", {.host = 8_GiB}));
    std::string told;
    const auto second = book().reserve("second", {.host = 5_GiB},
                                       {.deadline = 1h, .tell = [&](const std::string& sentence) {
                                            told = sentence;
                                            first.reset();
                                        }});
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_TRUE(second->is_held());
    EXPECT_THAT(told, AllOf(HasSubstr("second needs 5.00 GiB"), HasSubstr("(first)")));
}

TEST_F(Book, AWaitEndsAtItsDeadlineOrWhenItIsToldTo) {
    const auto first = taken("first", {.host = 8_GiB});
    const auto late = book().reserve("late", {.host = 5_GiB}, {.deadline = 20ms});
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::does_not_fit);
    std::atomic<bool> stop = false;
    const auto stopped =
        book().reserve("stopped", {.host = 5_GiB},
                       {.deadline = 1h, .stop = &stop, .tell = [&](const auto&) { stop = true; }});
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
    EXPECT_EQ(book().read()->records.size(), 1U) << "nobody waits any more";
}

TEST_F(Book, ALargeOneIsNotPassedForEver) {
    auto first = std::optional(taken("first", {.host = 6_GiB}));
    auto large = book().ask("large", {.host = 9_GiB});
    ASSERT_TRUE(large);
    EXPECT_FALSE(large->is_held());
    auto small = book().ask("small", {.host = 1_GiB});
    EXPECT_FALSE(small->is_held()) << "though 4 GiB are free";
    EXPECT_TRUE(book().ask("other", {.devices = {{"cuda:0", "", 1_GiB}}})->is_held());
    EXPECT_FALSE(first->resize({.host = 7_GiB})) << "who has some waits for more as well";
    first.reset();
    EXPECT_FALSE(*book().ask("late", {.host = 2_GiB})->look());
    ASSERT_TRUE(*large->look());
    EXPECT_TRUE(large->is_held());
    ASSERT_TRUE(large->tell_used(Bytes{}));
    ASSERT_TRUE(*small->look()) << "1 GiB is left beside the large one";
}

TEST_F(Book, OneGrowsAndShrinks) {
    auto first = taken("first", {.host = 4_GiB});
    const auto second = taken("second", {.host = 4_GiB});
    ASSERT_TRUE(first.resize({.host = 6_GiB}));
    EXPECT_EQ(left(), Bytes{});
    const auto refused = first.resize({.host = 7_GiB});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("needs 1.00 GiB of main memory, and 0 B are"));
    EXPECT_EQ(first.claim().host, 6_GiB);
    ASSERT_TRUE(first.resize({.host = 1_GiB}));
    EXPECT_EQ(left(), 5_GiB);
    ASSERT_TRUE(first.tell_used(1_GiB));
    EXPECT_EQ(left(), 6_GiB) << "what is taken is missing from what is free already";
}

TEST_F(Book, AChangeTakesWhatCoresAreLeftAndAllOfTheMemoryOrNothing) {
    auto first = taken("first", {.host = 1_GiB, .cores = 3});
    auto second = taken("second", {});
    const auto changed = [&](Bytes host, std::uint32_t cores, std::uint32_t least) {
        return second.change({.claim = {.host = host, .cores = cores}, .least_cores = least});
    };
    EXPECT_EQ(changed(2_GiB, 4, 0).value(), 1U);
    EXPECT_EQ(second.claim().cores, 1U);
    EXPECT_EQ(changed(2_GiB, 4, 2).value(), 2U) << "whatever others have";
    const auto refused = changed(10_GiB, 4, 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_EQ(second.claim().host, 2_GiB);
    first.release();
    EXPECT_EQ(changed(2_GiB, 4, 0).value(), 4U);
}

TEST_F(Book, WhoWantsNoMoreIsNeverRefused) {
    auto first = taken("first", {.host = 8_GiB});
    ASSERT_TRUE(first.tell_used(8_GiB));
    const auto second = taken("second", {.host = 10_GiB});  // nothing is left
    EXPECT_TRUE(first.change({.claim = {.host = 8_GiB}, .host_used = 1_GiB})) << "it is so";
    EXPECT_FALSE(first.change({.claim = {.host = 9_GiB}, .host_used = 1_GiB}));
}

TEST_F(Book, OneTakesInWhatAnotherOfItsOwnHas) {
    auto first = taken("first", {.host = 4_GiB, .devices = {{"cuda:0", "GPU-0", 1_GiB}}});
    ASSERT_TRUE(first.absorb(
        taken("more", {.host = 6_GiB, .devices = {{"cuda:0", "GPU-0", 2_GiB}}, .cores = 1})));
    EXPECT_EQ(first.claim().host, 10_GiB);
    EXPECT_EQ(first.claim().devices.at(0).bytes, 3_GiB);
    EXPECT_EQ(first.claim().cores, 1U);
    EXPECT_EQ(book().read()->records.size(), 1U);
    EXPECT_EQ(left(), Bytes{});
}

TEST_F(Book, OneWithinAnotherIsNoSecondClaim) {
    const auto whole = taken("whole", {.host = 9_GiB});
    ::setenv("HEXCORE_RESERVATION", whole.id().c_str(), 1);
    const auto part = taken("part", {.host = 6_GiB});
    EXPECT_EQ(left(), 1_GiB);
    EXPECT_FALSE(book().reserve("more", {.host = 6_GiB})) << "12 are more than 10";
}

TEST_F(Book, AChildThatWasForkedHasNoneOfItsParents) {
    auto reservation = taken("parent's", {.host = 4_GiB});
    const pid_t child = ::fork();
    if (child == 0) {
        const bool is_none = !reservation.is_held();
        reservation.release();
        ::_exit(is_none ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(reservation.is_held());
    EXPECT_EQ(left(), 6_GiB);
}

TEST_F(Book, WhereReservationsCannotBeKeptItIsSaid) {
    const auto none = ReservationBook::open({.folder = temp_ / "missing" / "reservations"});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::negative);
    EXPECT_THAT(none.error().message,
                HasSubstr("memory cannot be reserved among this machine's programs"));
}

TEST_F(Book, ANameIsKeptPrintableAndShort) {
    const auto odd = taken("\x1b[31m\xff", {.host = 1_GiB});
    const auto nameless = taken("", {});
    const auto lengthy = taken(std::string(5000, 'n').c_str(), {});
    const auto read = book().read();
    ASSERT_EQ(read->records.size(), 3U);
    EXPECT_THAT(read->ignored, IsEmpty());
    EXPECT_EQ(read->records[0].name, "?[31m?");
    EXPECT_EQ(read->records[1].name, "memory");
}

TEST_F(Book, TheRealMachineHasMemory) {
    const auto now = look_at_machine(LookAt::host_and_gpus);
    ASSERT_TRUE(now) << now.error().message;
    EXPECT_GT(now->host_free, Bytes{});
    EXPECT_LE(now->host_free, now->host_total);
    EXPECT_GE(now->cores, 1U);
}

}  // namespace
}  // namespace hexcore
