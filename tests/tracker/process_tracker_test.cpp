#include "hexcore/tracker/process_tracker.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "hexcore/track/teller.hpp"
#include "hexcore/tracker.h"
#include "support/sanitized.hpp"
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

TEST(ProcessTracker, KeepsNoRecordingInAFileThatIsSomethingElse) {
    const test::TempFolder folder;
    std::ofstream(folder / "model.gguf") << "GGUF and more";
    const auto tracker = ProcessTracker::start({.gpus = false, .recording = folder / "model.gguf"});
    ASSERT_FALSE(tracker.has_value());
    EXPECT_EQ(tracker.error().code, ErrorCode::usage);
    EXPECT_EQ(std::filesystem::file_size(folder / "model.gguf"), 13U);
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

/// As what a child that was forked here answers; -1 where a signal ended it, or it hangs.
template <typename Work>
int exit_code_of_child(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        ::_exit(work());
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// So that its thread has waited between two, as it does most of the time.
void wait_for_samples(ProcessTracker& tracker) {
    while (tracker.findings().devices.at(0).n_rows < 3) {
        std::this_thread::yield();
    }
}

TEST(ProcessTracker, AForkedChildIsTrackedAndEndsInPeace) {
    auto tracker = ProcessTracker::start({.interval = milliseconds(5), .gpus = false});
    ASSERT_TRUE(tracker.has_value());
    wait_for_samples(**tracker);
    EXPECT_EQ(exit_code_of_child([&] {
                  hexcore_mark("child");
                  const bool is_running = ProcessTracker::running() != nullptr;
                  tracker->reset();
                  return hexcore_watched() == 1 && !is_running ? 0 : 1;
              }),
              0);
    (*tracker)->stop();
    const WatchFindings found = (*tracker)->findings();
    ASSERT_EQ(found.marks.size(), 1U);
    EXPECT_NE(found.marks[0].pid, static_cast<std::uint32_t>(::getpid()));
}

TEST(ProcessTracker, AForkedChildMayHaveOneOfItsOwn) {
    if (test::sanitized) {
        GTEST_SKIP() << "ThreadSanitizer lets no forked child start a thread";
    }
    auto tracker = ProcessTracker::start({.gpus = false});
    ASSERT_TRUE(tracker.has_value());
    EXPECT_EQ(exit_code_of_child([] {
                  const auto own = ProcessTracker::start({.gpus = false});
                  return own && ProcessTracker::running() == own->get() ? 0 : 1;
              }),
              0);
    EXPECT_EQ(ProcessTracker::running(), tracker->get());
}

/// A variable of the environment, as it was before once this goes.
class Variable {
public:
    Variable(const char* name, const char* value) : name_(name) {
        if (const char* before = std::getenv(name)) {
            before_ = before;
        }
        ::setenv(name, value, 1);
    }
    ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

TEST(ProcessTracker, SaysWhenThereIsNoFolderForItsRecording) {
    {
        const Variable folder("TMPDIR", "/nowhere");
        std::array<char, 200> error{};
        EXPECT_EQ(hexcore_tracker_start(nullptr, error.data(), error.size()), nullptr);
        EXPECT_NE(std::string(error.data()).find("no folder for temporary files"),
                  std::string::npos)
            << error.data();
    }
    EXPECT_TRUE(ProcessTracker::start({.gpus = false}).has_value()) << "a failure leaves nothing";
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
    EXPECT_EQ(exit_code_of_child([&] {
                  const bool is_refused =
                      hexcore_tracker_json(tracker) == nullptr &&
                      hexcore_tracker_picture(tracker, "x.svg", error.data(), error.size()) != 0;
                  return is_refused && hexcore_tracker_stop(tracker) == nullptr ? 0 : 1;
              }),
              0);
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
