#pragma once

#include <chrono>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// Draws a bar with bytes and rate on stderr while a model loads, where stderr is a terminal.
class LoadProgress {
public:
    explicit LoadProgress(Bytes total);
    /// Wipes the bar.
    ~LoadProgress();
    LoadProgress(const LoadProgress&) = delete;
    LoadProgress& operator=(const LoadProgress&) = delete;

    void update(double fraction);

private:
    Bytes total_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point last_;
};

}  // namespace hexcore
