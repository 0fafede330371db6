#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "hexcore/serve/worker_place.hpp"

namespace hexcore {

/// One request on its way to another process of this program, and what comes back. Where it goes
/// before that has ended, the request is given up there, too.
class Relay {
public:
    enum class Method { get, post };
    struct Request {
        Method method = Method::get;
        std::string path;
        std::string body = {};
        std::string content_type = {};
    };

    /// Asks, and gives up when the other side is silent for `silence_most`.
    Relay(const WorkerPlace& place, Request request, std::chrono::milliseconds silence_most);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    struct Head {
        int status = 0;
        std::string content_type;
        std::string retry_after;
    };
    enum class State {
        waiting,    ///< nothing has come yet
        answering,  ///< there is a head, and a body may follow
        whole,      ///< the last of it has come
        lost,       ///< the other side ended before it had answered, or is silent
    };
    /// What has come since the last call goes behind `body`; waits up to `at_most` for a change.
    [[nodiscard]] State advance(std::chrono::milliseconds at_most, std::string& body);
    /// Not before State::answering.
    [[nodiscard]] Head head();

private:
    void run(const std::string& key, Request asked);
    [[nodiscard]] bool take(const char* data, std::size_t size);

    std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::waiting;
    State told_ = State::waiting;  ///< what advance() said last
    Head head_;
    std::string come_;
    bool given_up_ = false;
    httplib::Client client_;
    std::atomic<bool> done_ = false;
    std::thread thread_;
};

}  // namespace hexcore
