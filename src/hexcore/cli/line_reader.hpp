#pragma once

#include <string>

#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// Lines from standard input, whose reading an interrupt ends.
class LineReader {
public:
    explicit LineReader(const Interrupt& interrupt) : interrupt_(interrupt) {}

    /// The next line that is not empty; false at the end of input or when interrupted.
    [[nodiscard]] bool next(std::string& line);
    /// Whether the input is known to have no more lines. Does not wait for any.
    [[nodiscard]] bool has_ended();

private:
    [[nodiscard]] bool has_line() const;
    bool wait() const;
    void read_more();

    const Interrupt& interrupt_;
    std::string buffer_;
    bool at_end_ = false;
};

}  // namespace hexcore
