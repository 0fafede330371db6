#pragma once

#include <chrono>

#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {

/// Draws a bar with bytes and rate on stderr while a model loads, where stderr is a terminal; else
/// prints one line once that takes longer than a second.
class LoadProgress {
public:
    LoadProgress();
    /// Wipes the bar.
    ~LoadProgress();
    LoadProgress(const LoadProgress&) = delete;
    LoadProgress& operator=(const LoadProgress&) = delete;

    void update(ReadProgress read);

private:
    void tell_once(ReadProgress read, std::chrono::steady_clock::duration since_start);

    bool drawn_ = false;
    bool told_ = false;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point last_;
};

}  // namespace hexcore
