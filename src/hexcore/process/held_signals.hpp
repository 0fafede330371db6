#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <optional>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

/// Signals to this process that wait until they are taken, instead of ending or stopping it. At
/// most one lives, in the program's main thread, before other threads are started; those have the
/// signals held, too. One that is ignored stays ignored.
class HeldSignals {
public:
    explicit HeldSignals(std::initializer_list<int> signals);
    ~HeldSignals();
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    /// What would happen without this happens now: a process that may be stopped is, until it is
    /// told to go on.
    void let_happen(int signal) const;
    /// Readable where one has come.
    [[nodiscard]] int descriptor() const { return signals_.get(); }
    /// The number of one that has come; nothing: none has.
    [[nodiscard]] std::optional<int> take() const;
    /// Waits up to `until` for one, or until one of the other descriptors, -1 for none, is
    /// readable.
    void wait(std::chrono::steady_clock::time_point until, int other, int another = -1) const;

private:
    sigset_t before_{};
    FileDescriptor signals_;
};

}  // namespace hexcore
