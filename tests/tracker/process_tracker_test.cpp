#include "hexcore/tracker/process_tracker.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hexcore/track/teller.hpp"
#include "hexcore/tracker.h"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

/// Pages that are there.
std::vector<char> touched(Bytes size) { return std::vector<char>(size.count(), 'x'); }

/// To the system: an allocator may keep it.
void take_and_give_back(Bytes size) {
    void* pages = ::mmap(nullptr, size.count(), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    ::munmap(pages, size.count());
}

TEST(ProcessTracker, SeesThisProcessAndHearsWhatItTells) {
    take_and_give_back(256_MiB);
    auto tracker = ProcessTracker::start({.interval = milliseconds(5), .gpus = false});
    ASSERT_TRUE(tracker.has_value()) << tracker.error().message;
    Teller& teller = Teller::of_process();
    EXPECT_TRUE(teller.is_heard());
    const HolderNumber holder = teller.open_holder(HolderKind::program, "host", {});
    teller.label_begins("fill");
    teller.taken(holder, 1, 7_MiB, "buffers");
    const auto kept = touched(64_MiB);
    teller.mark("filled");
    teller.label_ends();
    (*tracker)->stop();
    EXPECT_FALSE(teller.is_heard());
    const WatchFindings found = (*tracker)->findings();
    ASSERT_FALSE(found.devices.empty());
    EXPECT_GT(found.devices[0].peak, 64_MiB);
    EXPECT_LT(found.devices[0].peak, 250_MiB) << "what it had before it was tracked does not count";
    ASSERT_EQ(found.labels.size(), 1U);
    EXPECT_EQ(found.labels[0].name, "fill");
    ASSERT_EQ(found.marks.size(), 1U);
    ASSERT_EQ(found.holders.size(), 1U);
    EXPECT_EQ(found.holders[0].peak, 7_MiB);
    ASSERT_TRUE(found.end.has_value());
    EXPECT_EQ(found.end->ending, RecordedEnding::running);
    EXPECT_EQ(found.run.attached_pid, static_cast<std::uint32_t>(::getpid()));
    EXPECT_EQ(std::getenv(watch_variable), nullptr) << "as it was before";
}

TEST(ProcessTracker, TellsFromItsThreadWhenMuchIsTakenAndMayBeAskedThere) {
    std::atomic<bool> told = false;
    ProcessTracker* asked = nullptr;
    std::latch is_known(1);
    Bytes since_start;
    auto tracker = ProcessTracker::start({.interval = milliseconds(5),
                                          .alert_bytes = 32_MiB,
                                          .gpus = false,
                                          .alert = [&](const Alert& alert) {
                                              is_known.wait();
                                              since_start = alert.since_start;
                                              EXPECT_FALSE(asked->findings().devices.empty());
                                              told = true;
                                              told.notify_all();
                                          }});
    ASSERT_TRUE(tracker.has_value()) << tracker.error().message;
    asked = tracker->get();
    is_known.count_down();
    const auto kept = touched(64_MiB);
    told.wait(false);
    EXPECT_GE(since_start, 32_MiB);
    (*tracker)->stop();
}

TEST(ProcessTracker, DrawsWhatWasSeenSoFarAndKeepsARecordingWhereItIsAsked) {
    const test::TempFolder folder;
    auto tracker = ProcessTracker::start(
        {.interval = milliseconds(5), .gpus = false, .recording = folder / "kept.hxr"});
    ASSERT_TRUE(tracker.has_value()) << tracker.error().message;
    for (const char* name : {"a.svg", "a.html", "a.json", "a.csv", "a.trace.json"}) {
        const auto drawn = (*tracker)->picture((folder / name).string());
        EXPECT_TRUE(drawn.has_value()) << drawn.error().message;
        EXPECT_GT(std::filesystem::file_size(folder / name), 60U) << name;
    }
    EXPECT_EQ((*tracker)->picture((folder / "a.pdf").string()).error().code, ErrorCode::usage);
    (*tracker)->stop();
    EXPECT_TRUE((*tracker)->picture((folder / "after.json").string()).has_value());
    EXPECT_GT(std::filesystem::file_size(folder / "kept.hxr"), 100U);
}

TEST(ProcessTracker, ThereIsOneAtATime) {
    auto first = ProcessTracker::start({.gpus = false});
    ASSERT_TRUE(first.has_value());
    const auto second = ProcessTracker::start({.gpus = false});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::negative);
    (*first)->stop();
    EXPECT_TRUE(ProcessTracker::start({.gpus = false}).has_value());
    EXPECT_FALSE(ProcessTracker::start({.recording = "/nowhere/x.hxr"}).has_value());
    EXPECT_TRUE(ProcessTracker::start({.gpus = false}).has_value()) << "a failure leaves nothing";
}

TEST(ProcessTracker, AForkedChildIsTrackedAndEndsInPeace) {
    auto tracker = ProcessTracker::start({.interval = milliseconds(5), .gpus = false});
    ASSERT_TRUE(tracker.has_value());
    const pid_t child = ::fork();
    if (child == 0) {
        hexcore_mark("child");
        tracker->reset();
        ::_exit(hexcore_watched() == 1 ? 0 : 1);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    (*tracker)->stop();
    const WatchFindings found = (*tracker)->findings();
    ASSERT_EQ(found.marks.size(), 1U);
    EXPECT_EQ(found.marks[0].pid, static_cast<std::uint32_t>(child));
}

TEST(TrackerLibrary, TracksInC) {
    std::array<char, 200> error{};
    hexcore_tracker_options options{};
    options.size = sizeof(options);
    options.interval_s = -1;
    EXPECT_EQ(hexcore_tracker_start(&options, error.data(), error.size()), nullptr);
    EXPECT_NE(std::string(error.data()).find("-1 s"), std::string::npos);
    options.interval_s = 0.01;
    options.sources = HEXCORE_SOURCE_TOLD;
    hexcore_tracker* tracker = hexcore_tracker_start(&options, error.data(), error.size());
    ASSERT_NE(tracker, nullptr) << error.data();
    hexcore_label_begin("step");
    hexcore_label_end();
    EXPECT_NE(hexcore_tracker_picture(tracker, "x.pdf", error.data(), error.size()), 0);
    char* text = hexcore_tracker_stop(tracker);
    const auto document = nlohmann::json::parse(text);
    hexcore_free(text);
    EXPECT_EQ(document["labels"][0]["name"], "step");
    EXPECT_EQ(hexcore_tracker_json(nullptr), nullptr);
    EXPECT_EQ(hexcore_tracker_stop(nullptr), nullptr);
    EXPECT_NE(hexcore_tracker_picture(nullptr, "x.svg", nullptr, 0), 0);
}

}  // namespace
}  // namespace hexcore
