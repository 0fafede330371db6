#include "hexcore/reserve/reservation_folder.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "hexcore/reserve/own_process.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Folder : public ::testing::Test {
protected:
    Folder() : opened_(ReservationFolder::open(temp_ / "reservations")) {}

    FolderTurn turn() const {
        auto taken = opened_->take_turn(60s);
        EXPECT_TRUE(taken) << taken.error().message;
        return *std::move(taken);
    }
    static ReservationRecord own(std::string file) {
        ReservationRecord record;
        record.file = std::move(file);
        record.pid = static_cast<std::uint32_t>(::getpid());
        record.start = own_start();
        record.pid_namespace = own_pid_namespace();
        record.name = "test";
        record.claim.host = 1_GiB;
        return record;
    }
    std::vector<std::string> held() const {
        std::vector<std::string> files;
        const auto read = turn().read();
        for (const auto& record : read->records) {
            files.push_back(record.file);
        }
        return files;
    }
    fs::path path(const char* name) const { return temp_ / "reservations" / name; }
    void put(const char* name, const std::string& text) const { std::ofstream(path(name)) << text; }

    test::TempFolder temp_;
    Result<ReservationFolder> opened_;
};

TEST_F(Folder, IsMadeForItsOwnerAlone) {
    ASSERT_TRUE(opened_) << opened_.error().message;
    struct stat facts {};
    ASSERT_EQ(::stat(path("").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0700U);
}

TEST_F(Folder, AFileHoldsAsLongAsItIsOpen) {
    const std::string name = turn().new_name();
    auto file = turn().write(own(name));
    ASSERT_TRUE(file) << file.error().message;
    std::optional<FileDescriptor> open(*std::move(file));
    EXPECT_THAT(held(), ElementsAre(name));
    EXPECT_NE(turn().new_name(), name);
    open.reset();
    EXPECT_THAT(held(), ElementsAre());
    EXPECT_FALSE(fs::exists(path(name.c_str()))) << "what a dead process left is removed";
}

TEST_F(Folder, AChangedFileIsReadWholeAndHeldByTheNewOne) {
    auto record = own("1-1.json");
    auto first = turn().write(record);
    record.claim.host = 3_GiB;
    auto second = turn().write(record);
    ASSERT_TRUE(first && second);
    { const FileDescriptor closed(*std::move(first)); }
    const auto read = turn().read();
    ASSERT_EQ(read->records.size(), 1U);
    EXPECT_EQ(read->records[0].claim.host, 3_GiB);
}

TEST_F(Folder, WhatIsNoReservationIsLeftAloneAndSaid) {
    put("notes.txt", "mine");
    put("1-1.json", "of a dead process");
    put("2-1.json.new", "half of one");
    fs::create_directory(path("3-1.json"));
    fs::create_symlink(temp_ / "elsewhere", path("4-1.json"));
    ASSERT_EQ(::mkfifo(path("5-1.json").c_str(), 0600), 0);
    put("6-1.json", "{\"schema\":\"hexcore.reservation/9\"}");
    const FileDescriptor strange(path("6-1.json").c_str());
    ASSERT_EQ(::flock(strange.get(), LOCK_EX), 0);
    const auto read = turn().read();
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(read->records.empty());
    ASSERT_EQ(read->ignored.size(), 1U);
    EXPECT_THAT(read->ignored[0], HasSubstr("6-1.json is not counted: it is no reservation"));
    EXPECT_FALSE(fs::exists(path("1-1.json")));
    EXPECT_FALSE(fs::exists(path("2-1.json.new")));
    EXPECT_TRUE(fs::exists(path("notes.txt")) && fs::exists(path("3-1.json")) &&
                fs::is_symlink(path("4-1.json")) && fs::exists(path("5-1.json")));
}

TEST_F(Folder, TheLockOfAnotherNamespacesProcessIsBelieved) {
    auto record = own("1-1.json");
    record.start += 1;
    const auto dead = turn().write(record);
    record.file = "2-1.json";
    record.pid_namespace += 1;
    const auto elsewhere = turn().write(record);
    ASSERT_TRUE(dead && elsewhere);
    EXPECT_THAT(held(), ElementsAre("2-1.json"));
}

TEST_F(Folder, AFrozenProcessIsNamedAndNotWaitedForForEver) {
    const auto frozen = turn();
    const auto late = opened_->take_turn(20ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::negative);
    // Where the kernel tells, it names the right one.
    EXPECT_THAT(late.error().message,
                AnyOf(HasSubstr(fmt::format(" process {} has been counting", ::getpid())),
                      HasSubstr("another process has been counting for 20 ms")));
    EXPECT_EQ(fs::file_size(path("lock")), 0U);
    const std::atomic<bool> stop = true;
    EXPECT_EQ(opened_->take_turn(60s, &stop).error().code, ErrorCode::interrupted);
}

TEST_F(Folder, OfOthersOrALinkIsNotUsed) {
    fs::create_directory(temp_ / "open");
    ASSERT_EQ(::chmod((temp_ / "open").c_str(), 0770), 0);
    fs::create_directory_symlink(path(""), temp_ / "link");
    std::ofstream(temp_ / "file") << "";
    for (const char* name : {"open", "link", "file", "missing/reservations"}) {
        const auto refused = ReservationFolder::open(temp_ / name);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, ErrorCode::negative);
        EXPECT_THAT(refused.error().message, HasSubstr("is no folder that is this user's alone"));
    }
}

TEST_F(Folder, AFileThatCannotBeWrittenLeavesTheFormerOne) {
    auto record = own("1-1.json");
    const auto file = turn().write(record);
    ASSERT_TRUE(file);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto old = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit none{8, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
    record.claim.host = 2_GiB;
    const auto full = turn().write(record);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, old);
    ASSERT_FALSE(full);
    EXPECT_THAT(full.error().message, HasSubstr("1-1.json cannot be written: File too large"));
    const auto read = turn().read();
    ASSERT_EQ(read->records.size(), 1U);
    EXPECT_EQ(read->records[0].claim.host, 1_GiB);
    EXPECT_FALSE(fs::exists(path("1-1.json.new")));
}

TEST_F(Folder, AFolderThatIsGoneIsSaid) {
    fs::remove_all(path(""));
    const auto gone = opened_->take_turn(1s);
    ASSERT_FALSE(gone);
    EXPECT_THAT(gone.error().message, HasSubstr("its file lock cannot be opened: No such file"));
}

TEST_F(Folder, WithoutDescriptorsNothingIsTakenForFree) {
    const auto file = turn().write(own("1-1.json"));
    const FolderTurn taken = turn();
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    // One is left, which listing the folder takes.
    const int lowest = ::dup(0);
    ::close(lowest);
    const rlimit few{static_cast<rlim_t>(lowest) + 1, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto read = taken.read();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().message, HasSubstr("Too many open files"));
}

TEST(ReservationsHome, IsTheOneThatIsNamed) {
    ::setenv("HEXCORE_RESERVATIONS", "/somewhere", 1);
    EXPECT_EQ(reservations_home(), "/somewhere");
    ::setenv("HEXCORE_RESERVATIONS", "relative", 1);
    EXPECT_EQ(reservations_home().filename(), "reservations");
    ::unsetenv("HEXCORE_RESERVATIONS");
    EXPECT_TRUE(reservations_home().is_absolute());
}

}  // namespace
}  // namespace hexcore
