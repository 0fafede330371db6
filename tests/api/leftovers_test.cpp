#include "hexcore/api/leftovers.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <fstream>

#include "device/fixture_tree.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::time_t long_ago_s = 1'000;

void make_old(const fs::path& path) {
    const timespec then{std::time(nullptr) - long_ago_s, 0};
    const timespec times[] = {then, then};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

/// The number of a process that has ended.
pid_t dead_pid() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    return child;
}

class Leftovers : public ::testing::Test {
protected:
    /// A folder of parked sessions as kill -9 leaves it.
    fs::path folder(const std::string& name) {
        fs::path path = places_.parking / name;
        fs::create_directories(path);
        std::ofstream(path / "lock") << "";
        std::ofstream(path / "1.session") << std::string(1000, 'x');
        return path;
    }

    TempFolder base_;
    FixtureTree tree_;
    LeftoverPlaces places_{.parking = base_.path() / "parked",
                           .measured = base_.path() / "cache" / "measured.json",
                           .notes = base_.path() / "unfinished",
                           .watches = base_.path() / "watches",
                           .root = tree_.root()};
};

TEST_F(Leftovers, ThereAreNoneWhereNothingRan) {
    EXPECT_TRUE(find_leftovers(places_).empty());
    EXPECT_TRUE(
        find_leftovers(
            {.parking = {}, .measured = {}, .notes = {}, .watches = {}, .root = tree_.root()})
            .empty());
}

TEST_F(Leftovers, FoldersOfTheDeadAreFoundWithTheirSizeAndRemoved) {
    const fs::path dead = folder("run-dead00");
    const fs::path living = folder("run-living");
    const int lock = ::open((living / "lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(lock, LOCK_EX), 0);
    folder("mine");        // no name of ours
    folder("new-abcdef");  // may be getting its lock just now
    const fs::path unborn = folder("new-old000");
    make_old(unborn);
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].path, unborn);
    EXPECT_EQ(found[1].path, dead);
    EXPECT_EQ(found[1].kind, LeftoverKind::parked);
    EXPECT_EQ(found[1].bytes, 1000_B);
    EXPECT_FALSE(all_ended(found));
    end_leftovers(found, places_);
    EXPECT_TRUE(all_ended(found)) << found[0].problem << found[1].problem;
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_FALSE(fs::exists(unborn));
    EXPECT_TRUE(fs::exists(living / "1.session"));
    EXPECT_TRUE(fs::exists(places_.parking / "mine"));
    EXPECT_TRUE(find_leftovers(places_).empty());
    ::close(lock);
}

TEST_F(Leftovers, TheFolderOfAWatcherThatDiedIsFoundAndRemoved) {
    const fs::path dead = places_.watches / "watch-1-abcdef";
    fs::create_directories(dead);
    std::ofstream(dead / "watcher") << "";
    std::ofstream(dead / "7-1-0.ring") << std::string(1000, 'x');
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, LeftoverKind::watch);
    EXPECT_EQ(found[0].bytes, 1000_B);
    end_leftovers(found, places_);
    EXPECT_TRUE(all_ended(found)) << found[0].problem;
    EXPECT_FALSE(fs::exists(dead));
}

TEST_F(Leftovers, SymbolicLinksAreNotFollowed) {
    const fs::path precious = base_.path() / "precious";
    fs::create_directories(precious);
    std::ofstream(precious / "file") << "x";
    const fs::path dead = folder("run-dead00");
    fs::create_symlink(precious, dead / "inside");
    fs::create_symlink(precious, places_.parking / "run-linked");
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].bytes, 1000_B) << "without what the link leads to";
    end_leftovers(found, places_);
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(precious / "file"));
    EXPECT_TRUE(fs::is_symlink(places_.parking / "run-linked"));
}

TEST_F(Leftovers, WhatIsAnotherUsersIsLeftAlone) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can give a file to another user";
    }
    const fs::path theirs = folder("run-theirs");
    ASSERT_EQ(::chown(theirs.c_str(), 65534, 65534), 0);
    EXPECT_TRUE(find_leftovers(places_).empty());
    std::vector<Leftover> named = {{.path = theirs.string()}};
    end_leftovers(named, places_);
    EXPECT_FALSE(all_ended(named));
    EXPECT_TRUE(fs::exists(theirs / "1.session"));
    // Nor is anything ours that lies in a folder of theirs.
    ASSERT_EQ(::chown(theirs.c_str(), 0, 0), 0);
    ASSERT_EQ(::chown(places_.parking.c_str(), 65534, 65534), 0);
    EXPECT_TRUE(find_leftovers(places_).empty());
}

TEST_F(Leftovers, OneThatBeganToLiveMeanwhileIsLeftAlone) {
    const fs::path path = folder("run-dead00");
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    const int lock = ::open((path / "lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(lock, LOCK_EX), 0);
    end_leftovers(found, places_);
    EXPECT_FALSE(all_ended(found));
    EXPECT_THAT(found[0].problem, HasSubstr("run-dead00"));
    EXPECT_TRUE(fs::exists(path / "1.session"));
    ::close(lock);
}

TEST_F(Leftovers, SessionsThatNobodyFinishesAreFoundByTheirNotesAndRemoved) {
    const fs::path dead = base_.path() / "talk.session.hexcore-abc123";
    const fs::path precious = base_.path() / "precious";
    for (const fs::path& path : {dead, precious}) {
        std::ofstream(path) << "12345";
    }
    fs::create_directories(places_.notes);
    fs::create_symlink(dead, places_.notes / "abc123");
    fs::create_symlink(precious, places_.notes / "def456");
    fs::create_symlink(base_.path() / "gone.hexcore-abc123", places_.notes / "fresh1");
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, LeftoverKind::unfinished);
    EXPECT_EQ(found[0].path, dead);
    EXPECT_EQ(found[0].bytes, 5_B);
    end_leftovers(found, places_);
    EXPECT_TRUE(all_ended(found)) << found[0].problem;
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(precious));
    make_old(places_.notes / "abc123");
    EXPECT_TRUE(find_leftovers(places_).empty());
    EXPECT_FALSE(fs::is_symlink(places_.notes / "abc123")) << "a note of nothing";
    EXPECT_TRUE(fs::is_symlink(places_.notes / "fresh1")) << "may be begun just now";
    std::vector<Leftover> named = {{LeftoverKind::unfinished, precious.string(), {}, 5_B}};
    end_leftovers(named, places_);
    EXPECT_FALSE(all_ended(named));
    EXPECT_TRUE(fs::exists(precious));
}

TEST_F(Leftovers, MeasurementsThatNobodyFinishesAreFoundAndRemoved) {
    fs::create_directories(places_.measured.parent_path());
    const auto write = [this](const std::string& end) {
        fs::path path = places_.measured.string() + end;
        std::ofstream(path) << "12345";
        return path;
    };
    const fs::path dead = write(fmt::format(".{}", dead_pid()));
    const fs::path living = write(fmt::format(".{}", ::getpid()));
    const fs::path kept = write("");
    const fs::path other = write(".bak");
    EXPECT_TRUE(find_leftovers(places_).empty()) << "a moment ago it was being written";
    for (const fs::path& path : {dead, living, kept, other}) {
        make_old(path);
    }
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].path, dead);
    EXPECT_EQ(found[0].kind, LeftoverKind::unfinished);
    EXPECT_EQ(found[0].bytes, 5_B);
    end_leftovers(found, places_);
    EXPECT_TRUE(all_ended(found)) << found[0].problem;
    EXPECT_FALSE(fs::exists(dead));
    EXPECT_TRUE(fs::exists(living) && fs::exists(kept) && fs::exists(other));
}

/// A process of fixtures with that number.
void write_process(const FixtureTree& tree, pid_t pid, int parent, const std::string& told_parent,
                   const std::string& program, const std::string& names = "pid:[1]") {
    const std::string folder = fmt::format("/proc/{}", pid);
    std::string words;
    for (const std::string word :
         {"hexcore", "--examine", told_parent.c_str(), "512", "1", "512", "f16", "m.gguf"}) {
        words += word + '\0';
    }
    tree.write(folder + "/cmdline", words);
    tree.write(folder + "/status", fmt::format("Name:\tx\nPPid:\t{}\nRssAnon:\t8 kB\n", parent));
    tree.link(folder + "/exe", program);
    tree.link(folder + "/ns/pid", names);
}

TEST_F(Leftovers, ExaminationsForNobodyAreFoundAndKilled) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    tree_.link("/proc/self/ns/pid", "pid:[1]");
    const pid_t others = 4'000'000;  // more than processes are numbered
    write_process(tree_, child, 1, "77", "/usr/bin/hexcore");
    write_process(tree_, others + 10'000'000, 77, "77", "/usr/bin/hexcore");  // its parent lives
    write_process(tree_, others + 10'000'001, 1, "77", "/usr/bin/vi");
    write_process(tree_, others + 10'000'002, 1, "77", "/usr/bin/hexcore", "pid:[2]");
    auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, LeftoverKind::examination);
    EXPECT_EQ(found[0].pid, static_cast<std::uint32_t>(child));
    EXPECT_EQ(found[0].path, "m.gguf");
    EXPECT_EQ(found[0].bytes, 8_KiB);
    end_leftovers(found, places_);
    EXPECT_TRUE(all_ended(found)) << found[0].problem;
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST_F(Leftovers, AWorkerThatNobodyAsksIsFoundAndOneOfALivingServerIsNot) {
    tree_.link("/proc/self/ns/pid", "pid:[1]");
    const auto write_worker = [this](pid_t pid, int parent) {
        const std::string folder = fmt::format("/proc/{}", pid);
        std::string words;
        for (const std::string word :
             {"hexcore", "serve", worker_mark(), "77", "mixture.gguf", "--sequences", "4"}) {
            words += word + '\0';
        }
        tree_.write(folder + "/cmdline", words);
        tree_.write(folder + "/status", fmt::format("PPid:\t{}\nRssAnon:\t8 kB\n", parent));
        tree_.link(folder + "/exe", "/usr/bin/hexcore");
        tree_.link(folder + "/ns/pid", "pid:[1]");
    };
    const pid_t orphan = 14'000'000;  // more than processes are numbered
    write_worker(orphan, 1);
    write_worker(orphan + 1, 77);
    const auto found = find_leftovers(places_);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].kind, LeftoverKind::worker);
    EXPECT_EQ(found[0].pid, static_cast<std::uint32_t>(orphan));
    EXPECT_EQ(found[0].path, "mixture.gguf");
    EXPECT_EQ(found[0].bytes, 8_KiB);
}

TEST_F(Leftovers, ANumberThatIsAnotherProcesssByNowIsLeftAlone) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    std::vector<Leftover> named = {{.kind = LeftoverKind::examination,
                                    .path = "m.gguf",
                                    .pid = static_cast<std::uint32_t>(child)}};
    end_leftovers(named, places_);
    EXPECT_FALSE(all_ended(named));
    EXPECT_THAT(named[0].problem, HasSubstr("another one by now"));
    EXPECT_EQ(::kill(child, 0), 0);
    named[0].pid = static_cast<std::uint32_t>(dead_pid());
    end_leftovers(named, places_);
    EXPECT_TRUE(all_ended(named)) << "it has ended: " << named[0].problem;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace hexcore::test
