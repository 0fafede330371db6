#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/watch/hexcore_processes.hpp"
#include "hexcore/watch/live_state.hpp"

namespace hexcore {

enum class LiveKind {
    machine,    ///< all that is in use of it
    recording,  ///< what another process watches and records
    process,    ///< a process that runs Hexcore, looked at from here
};

/// Something that a live view can show.
struct LiveSource {
    std::uint64_t id = 0;  ///< never used twice
    LiveKind kind = LiveKind::machine;
    std::string title = {};  ///< the command
    std::string place = {};  ///< the recording's path
    bool is_over = false;
    std::chrono::milliseconds behind{};  ///< so old is the latest that is known of it
    LiveState state = {};
};

struct LiveSourcesOptions {
    std::filesystem::path notes;  ///< as of recordings_in_progress()
    std::chrono::microseconds interval{500'000};
    GpuProbeOptions gpus = {};
};

/// What there is to see on this machine: itself, the recordings of this user's that are being
/// written, and the processes of this user's that run Hexcore, but for those that a recording has
/// already. What is over stays, up to a bound.
class LiveSources {
public:
    explicit LiveSources(LiveSourcesOptions options);
    ~LiveSources();
    LiveSources(const LiveSources&) = delete;
    LiveSources& operator=(const LiveSources&) = delete;

    /// Finds what is new where that is due, samples, and reads on. False: there is more to read at
    /// once.
    bool step();
    void set_mark();
    void toggle_baseline();
    /// The machine first, then in the order in which they were found.
    [[nodiscard]] std::vector<LiveSource> sources() const;

private:
    class Feed;
    class MachineFeed;
    class RecordingFeed;
    class ProcessFeed;

    void find_recordings();
    void find_processes();
    void add(std::unique_ptr<Feed> feed);
    void forget_the_oldest();

    LiveSourcesOptions options_;
    HexcoreProcesses hexcore_;
    std::vector<std::unique_ptr<Feed>> feeds_;
    std::uint64_t ids_ = 0;
    std::chrono::steady_clock::time_point next_look_;
};

}  // namespace hexcore
