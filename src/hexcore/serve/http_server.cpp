#include "hexcore/serve/http_server.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/page_origin.hpp"
#include "hexcore/serve/secret.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// How long a client may take with the next bytes, either way.
constexpr std::chrono::seconds read_most{5};
constexpr std::chrono::seconds write_most{30};
/// Of a body that is too large so much more is read, and thrown away: most clients look for an
/// answer when they have sent all, and would find a broken connection in its place.
constexpr std::size_t discarded_most = 64U << 20;
/// Threads wait for connections; each takes its stack of addresses and little else.
constexpr std::size_t most_threads = 1024;

constexpr std::array<std::string_view, 2> questions{"/v1/chat/completions", "/v1/completions"};

/// What httplib itself refuses.
ApiError refused_by_http(const HttpOptions& options, const httplib::Request& request, int status) {
    ApiError error{.status = status, .message = httplib::status_message(status)};
    if (status == 404) {
        error.message = fmt::format("there is no {} {}", request.method, request.path);
        error.code = "not_found";
    } else if (status == 408) {
        error.message = fmt::format("the body took longer than {:g} s",
                                    std::chrono::duration<double>(options.body_time_most).count());
    } else if (status == 413) {
        error.message = fmt::format("the body is larger than {} bytes", options.body_most.count());
        error.code = "body_too_large";
    } else if (status == 415) {
        error.message = "a body is JSON, neither compressed nor a form's parts";
    } else if (status >= 500) {
        error.type = "server_error";
    }
    return error;
}

class CppHttplibServer : public HttpServer {
public:
    CppHttplibServer(const HttpOptions& options, Metrics& metrics)
        : options_(options), metrics_(metrics) {
        // Not SO_REUSEPORT, with which a second server would take a part of the requests.
        server_.set_socket_options([](socket_t socket) {
            (void)httplib::set_socket_opt(socket, SOL_SOCKET, SO_REUSEADDR, 1);
        });
        server_.set_tcp_nodelay(true);
        server_.set_read_timeout(read_most);
        server_.set_write_timeout(write_most);
        server_.set_payload_max_length(options_.body_most.count() + discarded_most);
        server_.set_pre_routing_handler([this](const auto& request, auto& response) {
            const auto why_not = may_not_ask(request);
            if (!why_not || is_heard_out(request)) {
                return httplib::Server::HandlerResponse::Unhandled;
            }
            answer_error(*why_not, response);
            return httplib::Server::HandlerResponse::Handled;
        });
        server_.set_error_handler(httplib::Server::Handler(
            [this](const httplib::Request& request, httplib::Response& response) {
                if (response.body.empty()) {
                    answer_error(refused_by_http(options_, request, response.status), response);
                }
            }));
        server_.set_logger([this](const auto& request, const auto& response) {
            // What nobody serves is one line, whatever paths are tried.
            const bool known = !request.matched_route.empty();
            metrics_.count_request(known ? request.matched_route : "other", response.status);
        });
        add_routes();
    }

    ~CppHttplibServer() override { stop(); }

    Result<void> start() {
        errno = 0;  // a host that is not found leaves none
        const int port = options_.port == 0 ? server_.bind_to_any_port(options_.host)
                         : server_.bind_to_port(options_.host, options_.port) ? options_.port
                                                                              : -1;
        if (port < 0) {
            return fail(ErrorCode::usage, "cannot listen on {}:{}: {}", options_.host,
                        options_.port, errno == 0 ? "no such address" : std::strerror(errno));
        }
        // httplib's pool starts none of its additional threads while one idles that has been called
        // to work already; so all of them are there from the start.
        std::unique_ptr<httplib::ThreadPool> pool;
        const std::size_t n_threads = std::min(options_.connections, most_threads);
        try {
            pool = std::make_unique<httplib::ThreadPool>(n_threads, n_threads);
        } catch (const std::system_error&) {
            return fail(ErrorCode::does_not_fit,
                        "the system does not start {} threads for connections; allow fewer "
                        "sessions, or raise the limit that is in the way (ulimit -u, memory)",
                        n_threads);
        }
        const bool is_ipv6 = options_.host.find(':') != std::string::npos;
        const std::string host = is_ipv6 ? "[" + options_.host + "]" : options_.host;
        url_ = fmt::format("http://{}:{}", host, port);
        port_ = port;
        server_.new_task_queue = [queue = pool.release()] { return queue; };
        thread_ = std::thread([this] { (void)server_.listen_after_bind(); });
        server_.wait_until_ready();
        return {};
    }

    void serve(HttpAnswers& answers) override { answers_ = &answers; }
    void drain() override { draining_ = true; }
    void end_now() override {
        if (HttpAnswers* answers = answers_) {
            answers->end_now();
        }
    }
    bool wait_until_idle(std::chrono::milliseconds at_most) override {
        return active_.wait_until_none(at_most);
    }
    void stop() override {
        server_.stop();
        if (thread_.joinable()) {
            end_connections(port_);
            thread_.join();
        }
    }
    std::string url() const override { return url_; }
    std::uint16_t port() const override { return static_cast<std::uint16_t>(port_); }

private:
    void add_routes() {
        server_.Get("/health", [this](const auto&, auto& response) { health(response); });
        server_.Get("/v1/models", [this](const auto&, auto& response) {
            if (const HttpAnswers* answers = ready(response)) {
                answer_json({{"object", "list"}, {"data", models(*answers)}}, response);
            }
        });
        server_.Get(R"(/v1/models/(.+))",
                    [this](const auto& request, auto& response) { one_model(request, response); });
        server_.Get("/metrics", [this](const auto&, auto& response) {
            HttpAnswers* answers = answers_;
            const auto text = answers == nullptr ? metrics_.text({}) : answers->metrics();
            if (!text) {
                return answer_error(text.error(), response);
            }
            response.set_content(*text + (options_.counts_requests ? metrics_.requests_text() : ""),
                                 "text/plain; version=0.0.4; charset=utf-8");
        });
        // Bodies are left to readers of our own: httplib keeps what it reads.
        using Body = httplib::ContentReader;
        server_.Post("/reset", [this](const auto& request, auto& response, const Body&) {
            if (request.has_header("Origin")) {  // a page in a browser sends it without being asked
                answer_error({.status = 403, .message = "no page may reset the server"}, response);
            } else if (HttpAnswers* answers = ready(response)) {
                answers->reset(response);
            }
        });
        for (const std::string_view path : questions) {
            server_.Post(std::string(path),
                         [this](const auto& request, auto& response, const Body& body) {
                             question(request, response, body);
                         });
        }
    }

    [[nodiscard]] static std::uint64_t length_of_body(const httplib::Request& request) {
        return request.get_header_value_u64("Content-Length");
    }

    /// Whether its body is read before it is refused: httplib closes the connection then, and who
    /// still sends sees that in place of the answer.
    [[nodiscard]] bool is_heard_out(const httplib::Request& request) const {
        return request.method == "POST" && std::ranges::count(questions, request.path) > 0 &&
               length_of_body(request) <= options_.body_most.count() + discarded_most &&
               !request.has_header("Expect");  // it is not sent before it is allowed
    }

    /// What is known before the body is read.
    [[nodiscard]] std::optional<ApiError> may_not_ask(const httplib::Request& request) const {
        if (!options_.api_key.empty() && request.path != "/health" &&
            !is_secret(httplib::get_bearer_token_auth(request), options_.api_key)) {
            return ApiError{.status = 401,
                            .type = "authentication_error",
                            .message = "the API key is missing or wrong: Authorization: Bearer KEY",
                            .code = "invalid_api_key"};
        }
        if (length_of_body(request) > options_.body_most.count()) {
            return refused_by_http(options_, request, 413);
        }
        if (request.method == "GET" && request.has_header("Transfer-Encoding")) {
            return ApiError{.message = "a GET has no body"};
        }
        // A page in a browser may send a question to any server, whose answer it is not shown.
        if (!page_may_ask(request.get_header_value("Origin"), request.get_header_value("Host"),
                          options_.host, !options_.api_key.empty())) {
            return ApiError{.status = 403, .message = "pages of other origins may not ask"};
        }
        return std::nullopt;
    }

    /// Who answers; or why nobody can.
    [[nodiscard]] Asked<HttpAnswers*> who_answers() const {
        HttpAnswers* answers = answers_;
        std::optional<ApiError> why_not;
        if (draining_) {
            why_not = unavailable("the server ends", "shutting_down");
        } else if (answers == nullptr) {
            why_not = unavailable("the model is being loaded", "loading");
        } else {
            why_not = answers->cannot_answer();
        }
        if (why_not) {
            return tl::unexpected(*std::move(why_not));
        }
        return answers;
    }

    /// The same; null where nobody can, and the response says why.
    [[nodiscard]] HttpAnswers* ready(httplib::Response& response) const {
        const auto answers = who_answers();
        if (!answers) {
            answer_error(answers.error(), response);
        }
        return answers.value_or(nullptr);
    }

    void health(httplib::Response& response) const {
        if (ready(response) != nullptr) {
            answer_json({{"status", "ok"}}, response);
        }
    }

    [[nodiscard]] Json models(const HttpAnswers& answers) const {
        Json all = Json::array();
        for (const Json& said : answers.models()) {
            all.push_back({{"id", said.at("id")},
                           {"object", "model"},
                           {"created", started_},
                           {"owned_by", "hexcore"}});
            all.back().update(said);
        }
        return all;
    }

    void one_model(const httplib::Request& request, httplib::Response& response) const {
        const HttpAnswers* answers = ready(response);
        if (answers == nullptr) {
            return;
        }
        for (const Json& model : models(*answers)) {
            if (model.at("id") == request.matches[1].str()) {
                return answer_json(model, response);
            }
        }
        answer_error({.status = 404,
                      .message = fmt::format("there is no model {}", request.matches[1].str()),
                      .code = "model_not_found"},
                     response);
    }

    /// Reads it to its end, even where it is refused. Fails with what it is refused for.
    [[nodiscard]] Asked<std::string> read_body(const httplib::Request& request,
                                               httplib::Response& response,
                                               const httplib::ContentReader& read,
                                               std::optional<ApiError> refused) const {
        const auto begin = Clock::now();
        const auto refuse = [&](int status) {
            if (!refused) {
                refused = refused_by_http(options_, request, status);
            }
        };
        if (request.is_multipart_form_data()) {
            refuse(415);
            return tl::unexpected(*std::move(refused));
        }
        std::string body;
        bool is_late = false;
        const bool is_whole = read([&](const char* data, std::size_t size) {
            is_late = Clock::now() - begin > options_.body_time_most;
            if (body.size() + size > options_.body_most.count()) {
                refuse(413);
            }
            if (refused) {
                body = {};
            } else {
                body.append(data, size);
            }
            return !is_late;
        });
        if (!is_whole) {
            refuse(is_late ? 408 : std::max(response.status, 400));
        }
        if (refused) {
            return tl::unexpected(*std::move(refused));
        }
        return body;
    }

    void question(const httplib::Request& request, httplib::Response& response,
                  const httplib::ContentReader& read) {
        // Entered before it is looked: drain() misses nobody.
        ActiveRequests::Entry active(active_);
        const auto begin = Clock::now();
        std::optional<ApiError> refused = may_not_ask(request);
        const auto answers = who_answers();
        if (!refused && !answers) {
            refused = answers.error();
        }
        auto body = read_body(request, response, read, std::move(refused));
        if (!body) {
            return answer_error(body.error(), response);
        }
        (*answers)->question({.request = request,
                              .body = *std::move(body),
                              .active = std::move(active),
                              .until = begin + options_.request_most,
                              .most = options_.request_most},
                             response);
    }

    const HttpOptions options_;
    Metrics& metrics_;
    std::atomic<HttpAnswers*> answers_ = nullptr;  ///< null: the model is being loaded
    std::atomic<bool> draining_ = false;
    ActiveRequests active_;
    std::string url_;
    int port_ = 0;
    const std::int64_t started_ = std::chrono::duration_cast<std::chrono::seconds>(
                                      std::chrono::system_clock::now().time_since_epoch())
                                      .count();
    httplib::Server server_;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const HttpOptions& options,
                                                       Metrics& metrics) {
    auto server = std::make_unique<CppHttplibServer>(options, metrics);
    HEXCORE_TRY_VOID(server->start());
    return server;
}

}  // namespace hexcore
