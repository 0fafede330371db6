#include "hexcore/device/load_turn.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds look{100};
// Between a holder's two steps (a name, then listening), and where its list of waiters is full.
constexpr milliseconds short_pause{10};

/// The name of a queue as an address in the abstract namespace.
class QueueAddress {
public:
    explicit QueueAddress(const std::string& queue) {
        address_.sun_family = AF_UNIX;
        const std::string name = "hexcore-load" + (queue.empty() ? "" : "-" + queue);
        // The first byte stays 0: that makes it abstract.
        const std::size_t length = std::min(name.size(), sizeof(address_.sun_path) - 1);
        std::memcpy(address_.sun_path + 1, name.data(), length);
        size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
    }
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&address_);
    }
    [[nodiscard]] socklen_t size() const { return size_; }

private:
    sockaddr_un address_{};
    socklen_t size_ = 0;
};

FileDescriptor new_socket() {
    return FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// One wait, with what is known of who has the turn.
class Wait {
public:
    explicit Wait(const TurnOptions& options) : options_(options), address_(options.queue) {}

    /// The socket of the turn; one that is not open where the load is to go on without.
    Result<FileDescriptor> run() {
        for (;;) {
            FileDescriptor own = new_socket();
            const bool is_own = own.is_open() &&
                                ::bind(own.get(), address_.get(), address_.size()) == 0 &&
                                ::listen(own.get(), SOMAXCONN) == 0;
            if (is_own) {
                return own;
            }
            if (!own.is_open() || errno != EADDRINUSE) {
                tell(fmt::format("loads that begin together cannot wait for each other here: {}",
                                 std::strerror(errno)));
                return FileDescriptor(-1);
            }
            if (stopped()) {
                return fail(ErrorCode::interrupted,
                            "interrupted while waiting for another load; nothing is left "
                            "allocated");
            }
            if (Clock::now() - holder_since_ >= options_.longest_turn) {
                tell(
                    fmt::format("{} has been taking memory for its load for {} s and counts as "
                                "frozen; going on beside it",
                                holder_text(), seconds(options_.longest_turn)));
                return FileDescriptor(-1);
            }
            look_at_holder();
        }
    }

private:
    static double seconds(milliseconds time) { return std::chrono::duration<double>(time).count(); }

    [[nodiscard]] bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

    void tell(const std::string& sentence) const {
        if (options_.tell) {
            options_.tell(sentence);
        }
    }

    [[nodiscard]] std::string holder_text() const {
        ucred holder{};
        socklen_t size = sizeof holder;
        // A process of another process namespace has the number 0 here.
        const bool known =
            connection_ &&
            ::getsockopt(connection_->get(), SOL_SOCKET, SO_PEERCRED, &holder, &size) == 0 &&
            holder.pid > 0;
        return known ? fmt::format("process {}", holder.pid) : "a process unknown from here";
    }

    /// Returns when the turn may have ended, or soon.
    void look_at_holder() {
        if (!connection_ && !connect()) {
            std::this_thread::sleep_for(short_pause);
        } else if (pollfd hung_up{connection_->get(), 0, 0};
                   ::poll(&hung_up, 1, static_cast<int>(look.count())) > 0) {
            connection_.reset();
            holder_since_ = Clock::now();  // whoever has it next begins anew
        }
        if (!told_ && Clock::now() - begin_ >= options_.told_after) {
            told_ = true;
            tell(
                fmt::format("waiting until {} has taken the memory for its load; only then is it "
                            "known what is left",
                            holder_text()));
        }
    }

    bool connect() {
        FileDescriptor socket = new_socket();
        if (!socket.is_open() || ::connect(socket.get(), address_.get(), address_.size()) != 0) {
            return false;
        }
        connection_.emplace(std::move(socket));
        return true;
    }

    const TurnOptions& options_;
    const QueueAddress address_;
    const Clock::time_point begin_ = Clock::now();
    Clock::time_point holder_since_ = begin_;
    std::optional<FileDescriptor> connection_;
    bool told_ = false;
};

}  // namespace

std::string load_queue() {
    const char* name = std::getenv("HEXCORE_LOAD_QUEUE");
    return name == nullptr ? "" : name;
}

Result<LoadTurn> LoadTurn::wait(const TurnOptions& options) {
    HEXCORE_TRY(socket, Wait(options).run());
    return LoadTurn(std::move(socket));
}

}  // namespace hexcore
