#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "hexcore/track/watch_folder.hpp"
#include "hexcore/watch/listener.hpp"
#include "hexcore/watch/process_tree.hpp"

namespace hexcore {

/// What watched programs tell of themselves, through a folder that is made for it.
class ToldSource {
public:
    /// Where no folder can be made, nobody is heard, and notes() says why.
    ToldSource();

    /// By which programs find it: "NAME=value". With `stacks` they tell the call stack of each
    /// allocation.
    [[nodiscard]] std::vector<std::string> variables(bool stacks) const;
    /// Null: none could be made.
    [[nodiscard]] const WatchFolder* folder() const { return folder_.get(); }

    /// Listens from now on; times count from `start`. The tree, which `mutex` guards, must outlive
    /// it.
    void begin(std::chrono::steady_clock::time_point start, ProcessTree& tree, std::mutex& mutex);
    /// Tells the sink what was told until now.
    void listen(RecordedTime now, RecordSink& sink);
    /// For the last time.
    void finish(RecordedTime now, RecordSink& sink);
    /// Sentences on what could not be heard, or nothing; whole after finish().
    [[nodiscard]] const std::string& notes() const { return notes_; }

private:
    std::unique_ptr<WatchFolder> folder_;
    std::unique_ptr<Listener> listener_;
    std::string notes_;
};

}  // namespace hexcore
