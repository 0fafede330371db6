#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "hexcore/recording/recording.hpp"
#include "hexcore/track/ring_reader.hpp"
#include "hexcore/watch/told_program.hpp"

namespace hexcore {

struct Listening {
    std::filesystem::path folder;                 ///< of the rings
    std::chrono::steady_clock::time_point start;  ///< of the recording's times
    /// The watched process of that pid, or null.
    std::function<ProcessRef(std::uint32_t pid)> find;
    /// One for a pid that is not found.
    std::function<ProcessRef(std::uint32_t pid)> add_unseen;
};

/// Reads what programs tell by the rings in a folder, and tells it on, in the order of time. For
/// one thread at a time.
class Listener {
public:
    explicit Listener(Listening listening);

    /// All that was told until now. New programs, and those that have ended, are looked for a few
    /// times a second.
    void listen(RecordedTime now, RecordSink& sink);
    /// The same for the last time. Programs that live on are told that nobody listens any more.
    void finish(RecordedTime now, RecordSink& sink);
    /// Sentences on what was not followed, or nothing.
    [[nodiscard]] std::string notes() const;

private:
    struct Program {
        std::filesystem::path path;
        std::unique_ptr<RingReader> ring;
        std::unique_ptr<ToldProgram> told;
        const RingRecord* next = nullptr;
        bool has_ended = false;
    };
    void find_rings();
    void add_ring(const std::filesystem::path& path);
    [[nodiscard]] RecordedTime time_of(const RingRecord& record, RecordedTime now);
    void look(RecordedTime now);
    void read_rings(RecordedTime now, RecordSink& sink);
    void tell_losses(RecordedTime now, RecordSink& sink);
    void forget_ended(RecordedTime now, RecordSink& sink);
    [[nodiscard]] TextRef label_elsewhere(const Program& program, std::uint32_t thread) const;

    Listening listening_;
    ToldNames names_;
    std::vector<std::unique_ptr<Program>> programs_;
    std::unordered_set<std::string> known_;  ///< names of files
    RecordedTime latest_{};
    RecordedTime next_look_{};
    std::uint64_t unreadable_ = 0;  ///< files
};

}  // namespace hexcore
