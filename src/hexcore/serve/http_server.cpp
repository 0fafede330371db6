#include "hexcore/serve/http_server.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/secret.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// How long a client may take with the next bytes, either way.
constexpr std::chrono::seconds read_most{5};
constexpr std::chrono::seconds write_most{30};
/// How long it may take with all of a body.
constexpr std::chrono::seconds body_most{60};
/// Threads wait for connections; each takes its stack of addresses and little else.
constexpr std::size_t most_threads = 1024;

/// What httplib itself refuses.
ApiError refused_by_http(const HttpOptions& options, const httplib::Request& request, int status) {
    ApiError error{.status = status, .message = httplib::status_message(status)};
    if (status == 404) {
        error.message = fmt::format("there is no {} {}", request.method, request.path);
        error.code = "not_found";
    } else if (status == 408) {
        error.message = fmt::format("the body took longer than {} s", body_most.count());
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
        server_.set_payload_max_length(options_.body_most.count());
        server_.set_pre_routing_handler([this](const auto& request, auto& response) {
            const auto why_not = may_not_ask(request);
            if (why_not) {
                answer_error(*why_not, response);
            }
            return why_not ? httplib::Server::HandlerResponse::Handled
                           : httplib::Server::HandlerResponse::Unhandled;
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
                const Json known = model(*answers);
                answer_json({{"object", "list"},
                             {"data", known.is_null() ? Json::array() : Json::array({known})}},
                            response);
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
            response.set_content(*text, "text/plain; version=0.0.4; charset=utf-8");
        });
        server_.Post("/reset", [this](const auto& request, auto& response) {
            if (request.has_header("Origin")) {  // a page in a browser sends it without being asked
                answer_error({.status = 403, .message = "no page may reset the server"}, response);
            } else if (HttpAnswers* answers = ready(response)) {
                answers->reset(response);
            }
        });
        for (const char* path : {"/v1/chat/completions", "/v1/completions"}) {
            // With a reader of our own, since httplib has other limits for what calls itself a
            // form, as curl's -d does.
            server_.Post(path, [this](const httplib::Request& request, httplib::Response& response,
                                      const httplib::ContentReader& body) {
                question(request, response, body);
            });
        }
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
        if (request.get_header_value_u64("Content-Length") > options_.body_most.count()) {
            return refused_by_http(options_, request, 413);
        }
        return std::nullopt;
    }

    /// Who answers; null, and the response says why, where nobody can.
    [[nodiscard]] HttpAnswers* ready(httplib::Response& response) const {
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
            answer_error(*why_not, response);
            return nullptr;
        }
        return answers;
    }

    void health(httplib::Response& response) const {
        if (ready(response) != nullptr) {
            answer_json({{"status", "ok"}}, response);
        }
    }

    [[nodiscard]] Json model(const HttpAnswers& answers) const {
        const Json said = answers.model();
        if (said.is_null()) {
            return said;
        }
        Json model = {{"id", said.at("id")},
                      {"object", "model"},
                      {"created", started_},
                      {"owned_by", "hexcore"}};
        model.update(said);
        return model;
    }

    void one_model(const httplib::Request& request, httplib::Response& response) const {
        const HttpAnswers* answers = ready(response);
        if (answers == nullptr) {
            return;
        }
        const Json known = model(*answers);
        if (!known.is_null() && known.at("id") == request.matches[1].str()) {
            return answer_json(known, response);
        }
        answer_error({.status = 404,
                      .message = fmt::format("there is no model {}", request.matches[1].str()),
                      .code = "model_not_found"},
                     response);
    }

    void question(const httplib::Request& request, httplib::Response& response,
                  const httplib::ContentReader& read) {
        // Entered before it is looked: drain() misses nobody.
        ActiveRequests::Entry active(active_);
        HttpAnswers* answers = ready(response);
        if (answers == nullptr) {
            response.set_header("Connection", "close");  // its body is not read
            return;
        }
        const auto begin = Clock::now();
        std::string body;
        bool is_late = false;
        const bool is_form = request.is_multipart_form_data();
        const bool is_whole = !is_form && read([&](const char* data, std::size_t size) {
            is_late = Clock::now() - begin > body_most;
            body.append(data, size);
            return !is_late;
        });
        if (!is_whole) {
            const int status = is_form ? 415 : is_late ? 408 : std::max(response.status, 400);
            response.set_header("Connection", "close");
            return answer_error(refused_by_http(options_, request, status), response);
        }
        answers->question({.request = request,
                           .body = std::move(body),
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
