#include "hexcore/serve/relay.hpp"

#include <utility>

namespace hexcore {
namespace {

/// Beyond this the client reads slower than the other side writes, which then waits.
constexpr std::size_t most_kept = 1U << 20;
/// Whoever listens on this machine is reached at once, and a connect cannot be given up.
constexpr std::chrono::seconds connect_most{5};

}  // namespace

Relay::Relay(const WorkerPlace& place, Request request, std::chrono::milliseconds silence_most)
    : client_("127.0.0.1", place.port) {
    client_.set_connection_timeout(connect_most);
    client_.set_read_timeout(silence_most);
    client_.set_write_timeout(silence_most);
    client_.set_tcp_nodelay(true);
    thread_ = std::thread([this, key = place.key, request = std::move(request)]() mutable {
        run(key, std::move(request));
        done_ = true;
    });
}

Relay::~Relay() {
    {
        const std::lock_guard lock(mutex_);
        given_up_ = true;
        changed_.notify_all();
    }
    // One that has not begun yet does not notice the first.
    while (!done_) {
        client_.stop();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    thread_.join();
}

Relay::State Relay::advance(std::chrono::milliseconds at_most, std::string& body) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [this] { return state_ != told_ || !come_.empty(); });
    told_ = state_;
    body += std::exchange(come_, {});
    changed_.notify_all();  // there is room again
    return state_;
}

Relay::Head Relay::head() {
    const std::lock_guard lock(mutex_);
    return head_;
}

bool Relay::take(const char* data, std::size_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return given_up_ || come_.size() < most_kept; });
    come_.append(data, size);
    changed_.notify_all();
    return !given_up_;
}

void Relay::run(const std::string& key, Request asked) {
    httplib::Request request;
    request.method = asked.method == Method::get ? "GET" : "POST";
    request.path = asked.path;
    request.body = std::move(asked.body);
    request.set_header("Authorization", "Bearer " + key);
    if (!asked.content_type.empty()) {
        request.set_header("Content-Type", asked.content_type);
    }
    request.response_handler = [this](const httplib::Response& response) {
        const std::lock_guard lock(mutex_);
        head_ = {response.status, response.get_header_value("Content-Type"),
                 response.get_header_value("Retry-After")};
        state_ = State::answering;
        changed_.notify_all();
        return !given_up_;
    };
    request.content_receiver = [this](const char* data, std::size_t size, std::size_t,
                                      std::size_t) { return take(data, size); };
    httplib::Response response;
    auto error = httplib::Error::Success;
    const bool is_whole = client_.send(request, response, error);
    const std::lock_guard lock(mutex_);
    state_ = is_whole ? State::whole : State::lost;
    changed_.notify_all();
}

}  // namespace hexcore
