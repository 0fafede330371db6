#include "hexcore/process/held_signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace hexcore {
namespace {

bool is_ignored(int signal) {
    struct sigaction action {};
    ::sigaction(signal, nullptr, &action);
    return action.sa_handler == SIG_IGN;
}

sigset_t hold(std::initializer_list<int> signals, sigset_t& before) {
    sigset_t held;
    sigemptyset(&held);
    for (const int signal : signals) {
        if (!is_ignored(signal)) {
            sigaddset(&held, signal);
        }
    }
    ::pthread_sigmask(SIG_BLOCK, &held, &before);
    return held;
}

FileDescriptor descriptor_of(const sigset_t& held) {
    return FileDescriptor(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

HeldSignals::HeldSignals(std::initializer_list<int> signals)
    : signals_(descriptor_of(hold(signals, before_))) {}

HeldSignals::~HeldSignals() {
    while (take()) {  // what it was for is over
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void HeldSignals::let_happen(int signal) const {
    struct sigaction usual {};
    struct sigaction before {};
    usual.sa_handler = SIG_DFL;
    ::sigaction(signal, &usual, &before);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, signal);
    ::raise(signal);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
    ::sigaction(signal, &before, nullptr);
}

std::optional<int> HeldSignals::take() const {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) {
        return std::nullopt;
    }
    return static_cast<int>(info.ssi_signo);
}

void HeldSignals::wait(std::chrono::steady_clock::time_point until, int other, int another) const {
    using std::chrono::nanoseconds;
    std::array<pollfd, 3> files{
        {{signals_.get(), POLLIN, 0}, {other, POLLIN, 0}, {another, POLLIN, 0}}};
    const auto left =
        std::max(nanoseconds(0), nanoseconds(until - std::chrono::steady_clock::now()));
    constexpr std::int64_t second = 1'000'000'000;
    const timespec time{left.count() / second, left.count() % second};
    (void)::ppoll(files.data(), files.size(), &time, nullptr);
}

}  // namespace hexcore
