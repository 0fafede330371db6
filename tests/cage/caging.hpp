#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/cage/cage.hpp"
#include "hexcore/device/proc_root.hpp"
#include "support/temp_folder.hpp"

namespace hexcore::test {

/// A pipe that programs open by its name to write to.
class NamedPipe {
public:
    NamedPipe() {
        EXPECT_EQ(::mkfifo(path().c_str(), 0600), 0);
        // For writing, too: it has no end then.
        reading_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
    }
    ~NamedPipe() { ::close(reading_); }
    NamedPipe(const NamedPipe&) = delete;
    NamedPipe& operator=(const NamedPipe&) = delete;
    [[nodiscard]] int reading() const { return reading_; }
    [[nodiscard]] std::string path() const { return folder_ / "pipe"; }

private:
    TempFolder folder_;
    int reading_ = -1;
};

/// All processes that have this in their environment, at whatever depth they hide.
inline std::vector<std::string> processes_with(const std::string& mark) {
    std::vector<std::string> found;
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string pid = entry->path().filename().string();
        const auto text = whole_number(pid) ? ProcRoot{}.read_if_there("/proc/" + pid + "/environ")
                                            : std::nullopt;
        if (text && *text && (*text)->find(mark) != std::string::npos) {
            found.push_back(pid);
        }
    }
    return found;
}

/// Runs bad_child in a cage, and knows all that comes of it by a variable in its environment.
class Caging {
public:
    explicit Caging(CageYard& yard)
        : yard_(yard), mark_("HEXCORE_BAD=" + scratch_.path().string() + ".") {}

    [[nodiscard]] CageCommand command(std::vector<std::string> words) const {
        words.insert(words.begin(), HEXCORE_BAD_CHILD);
        return {.words = std::move(words),
                .environment = {mark_, "PATH=/usr/bin:/bin"},
                .scratch = scratch_.path()};
    }
    void start(std::vector<std::string> words, const CageLimits& limits = {}) {
        auto started = yard_.start(command(std::move(words)), limits);
        ASSERT_TRUE(started.has_value()) << started.error().message;
        cage_ = *std::move(started);
    }
    /// What it leaves lives on.
    void start_kept(std::vector<std::string> words) {
        CageCommand kept = command(std::move(words));
        kept.keeps = true;
        kept.shares = CageShares::of_machine;
        auto started = yard_.start(kept, {});
        ASSERT_TRUE(started.has_value()) << started.error().message;
        cage_ = *std::move(started);
        while (!cage_->is_kept()) {
            ASSERT_FALSE(turn()) << cage_->outcome().problem;
        }
    }
    /// One turn of what a runner does, or until `other` is readable as well. True: it is over.
    bool turn(int other = -1) {
        std::vector<pollfd> files{{other, POLLIN, 0}};
        for (const int file : cage_->descriptors()) {
            files.push_back({file, POLLIN, 0});
        }
        ::poll(files.data(), files.size(), static_cast<int>(cage_->next_sample_in().count()));
        cage_->sample();
        return cage_->step();
    }
    /// Until the child says that it is ready.
    void wait_for(NamedPipe& pipe) {
        pollfd file{pipe.reading(), POLLIN, 0};
        bool is_over = false;
        while (::poll(&file, 1, 0) == 0 && !is_over) {
            is_over = turn(pipe.reading());
        }
        const CageOutcome& outcome = cage_->outcome();
        ASSERT_FALSE(is_over && ::poll(&file, 1, 0) == 0)
            << "it ended with " << outcome.exit_code() << ' ' << outcome.problem;
        char byte = 0;
        ASSERT_EQ(::read(pipe.reading(), &byte, 1), 1);
    }
    const CageOutcome& finish() {
        while (!turn()) {
        }
        return cage_->outcome();
    }
    CageOutcome run(std::vector<std::string> words, const CageLimits& limits = {}) {
        start(std::move(words), limits);
        return cage_ != nullptr ? finish() : CageOutcome{};
    }
    [[nodiscard]] std::vector<std::string> left() const { return processes_with(mark_); }
    [[nodiscard]] Cage& cage() { return *cage_; }
    void forget() { cage_.reset(); }
    [[nodiscard]] const std::filesystem::path& scratch() const { return scratch_.path(); }

private:
    CageYard& yard_;
    TempFolder scratch_;
    std::string mark_;
    std::unique_ptr<Cage> cage_;
};

}  // namespace hexcore::test
