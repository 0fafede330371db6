#include "hexcore/serve/http_parts.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>
#include <utility>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// Of a connected socket's own side; 0: it is none.
int port_of(int descriptor) {
    sockaddr_storage own{};
    sockaddr_storage other{};
    socklen_t own_size = sizeof(own);
    socklen_t other_size = sizeof(other);
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&own), &own_size) != 0 ||
        ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&other), &other_size) != 0) {
        return 0;
    }
    switch (own.ss_family) {
        case AF_INET:
            return ntohs(reinterpret_cast<const sockaddr_in&>(own).sin_port);
        case AF_INET6:
            return ntohs(reinterpret_cast<const sockaddr_in6&>(own).sin6_port);
        default:
            return 0;
    }
}

}  // namespace

std::string json_line(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string event_of(const Json& json) { return "data: " + json_line(json) + "\n\n"; }

void answer_json(const Json& json, httplib::Response& response) {
    response.set_content(json_line(json), "application/json");
}

void answer_whole(std::string text, const std::string& type, std::shared_ptr<const void> kept,
                  httplib::Response& response) {
    const std::size_t size = text.size();
    // Shared, as httplib copies what sends it.
    response.set_content_provider(
        size, type,
        [text = std::make_shared<const std::string>(std::move(text)), kept = std::move(kept)](
            std::size_t at, std::size_t count, httplib::DataSink& sink) {
            return sink.write(text->data() + at, count);
        });
}

void answer_error(const ApiError& error, httplib::Response& response) {
    response.status = error.status;
    if (error.retry_after_s != 0) {
        response.set_header("Retry-After", std::to_string(error.retry_after_s));
    }
    if (error.status == 401) {
        response.set_header("WWW-Authenticate", "Bearer");
    }
    answer_json(error_json(error), response);
}

ApiError out_of_time(std::chrono::milliseconds most) {
    return {.status = 504,
            .type = "timeout_error",
            .message = fmt::format("the answer took longer than {:g} s",
                                   std::chrono::duration<double>(most).count()),
            .code = "timeout"};
}

void end_connections(int port) {
    // httplib keeps its sockets to itself.
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        const auto descriptor = whole_number<std::uint16_t>(entry->d_name);
        if (descriptor && port_of(*descriptor) == port) {
            (void)::shutdown(*descriptor, SHUT_RDWR);
        }
    }
}

}  // namespace hexcore
