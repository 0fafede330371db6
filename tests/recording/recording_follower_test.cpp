#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>

#include "support/recordings.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::KeptRecords;

constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max() / 2;

/// A recording of twenty rows in several chunks, with its end.
std::string some_recording() {
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().device(test::some_host());
    for (int i = 0; i < 20; ++i) {
        file.writer().row(test::host_row(
            milliseconds(100 * i), {{test::some_process(1, "worker"), Bytes(4096) * (i + 1)}}));
    }
    file.writer().end({.time = seconds(2)});
    return file.bytes();
}

class FollowedFile {
public:
    void append(std::string_view bytes) const {
        const FileDescriptor file(
            ::open(path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
        EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
    }
    [[nodiscard]] std::filesystem::path path() const { return folder_.path() / "grows.hxr"; }

private:
    test::TempFolder folder_;
};

TEST(RecordingFollower, TellsEachRecordOnceHoweverTheFileGrows) {
    const std::string whole = some_recording();
    const FollowedFile file;
    KeptRecords kept;
    std::unique_ptr<RecordingFollower> follower;
    for (std::size_t at = 0; at < whole.size(); at += 7) {  // chunks come in pieces
        file.append(std::string_view(whole).substr(at, 7));
        if (follower == nullptr) {
            auto opened = RecordingFollower::open(file.path(), kept);
            EXPECT_TRUE(opened.has_value() || opened.error().code == ErrorCode::bad_input);
            follower = opened ? *std::move(opened) : nullptr;
        } else {
            (void)follower->go_on(all);
        }
    }
    EXPECT_EQ(kept.runs.size(), 1U);
    EXPECT_EQ(kept.devices.size(), 1U);
    EXPECT_EQ(kept.rows.size(), 20U);
    EXPECT_EQ(kept.rows.back().total(), Bytes(4096) * 20);
    ASSERT_EQ(kept.ends.size(), 1U);
    EXPECT_EQ(kept.ends[0].time, seconds(2));
    EXPECT_EQ(follower->go_on(all), 0U);
}

TEST(RecordingFollower, ReadsNoMoreThanItMayAtATime) {
    const std::string whole = some_recording();
    const FollowedFile file;
    file.append(whole);
    KeptRecords kept;
    const auto follower = RecordingFollower::open(file.path(), kept);
    ASSERT_TRUE(follower.has_value());
    EXPECT_EQ(kept.runs.size(), 1U);
    EXPECT_TRUE(kept.ends.empty());
    std::uint64_t steps = 0;
    while ((*follower)->go_on(0) > 0) {
        ++steps;
    }
    EXPECT_GE(steps, 2U);
    EXPECT_EQ(kept.rows.size(), 20U);
    EXPECT_EQ(kept.ends.size(), 1U);
}

TEST(RecordingFollower, StopsBeforeDamageForGood) {
    std::string whole = some_recording();
    whole[whole.size() - 3] = static_cast<char>(whole[whole.size() - 3] ^ 0x20);
    const FollowedFile file;
    file.append(whole);
    KeptRecords kept;
    const auto follower = RecordingFollower::open(file.path(), kept);
    ASSERT_TRUE(follower.has_value());
    while ((*follower)->go_on(all) > 0) {
    }
    EXPECT_TRUE(kept.ends.empty());
    file.append(some_recording());
    EXPECT_EQ((*follower)->go_on(all), 0U);
}

}  // namespace
}  // namespace hexcore
