#include "hexcore/serve/http_server.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "hexcore/serve/active_requests.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/open_answer.hpp"
#include "hexcore/serve/secret.hpp"
#include "hexcore/serve/served_model.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// How long at most nobody notices that a client has gone, or that time is up.
constexpr std::chrono::milliseconds look_every{50};
/// How long a client may take with the next bytes, either way.
constexpr std::chrono::seconds read_most{5};
constexpr std::chrono::seconds write_most{30};

std::string json_line(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string event(const Json& json) { return "data: " + json_line(json) + "\n\n"; }

void answer_error(const ApiError& error, httplib::Response& response) {
    response.status = error.status;
    if (error.retry_after_s != 0) {
        response.set_header("Retry-After", std::to_string(error.retry_after_s));
    }
    if (error.status == 401) {
        response.set_header("WWW-Authenticate", "Bearer");
    } else if (error.status == 413) {
        response.set_header("Connection", "close");  // what was refused is not read either
    }
    response.set_content(json_line(error_json(error)), "application/json");
}

/// What httplib itself refuses.
ApiError refused_by_http(const HttpOptions& options, const httplib::Request& request, int status) {
    ApiError error{.status = status, .message = httplib::status_message(status)};
    if (status == 404) {
        error.message = fmt::format("there is no {} {}", request.method, request.path);
        error.code = "not_found";
    } else if (status == 413) {
        error.message = fmt::format("the body is larger than {} bytes", options.body_most.count());
        error.code = "body_too_large";
    } else if (status >= 500) {
        error.type = "server_error";
    }
    return error;
}

ApiError out_of_time(const HttpOptions& options) {
    return {.status = 504,
            .type = "timeout_error",
            .message = fmt::format("the answer took longer than {:g} s",
                                   std::chrono::duration<double>(options.request_most).count()),
            .code = "timeout"};
}

/// An answer on its way to one client.
struct Sending {
    std::unique_ptr<OpenAnswer> answer;
    ActiveRequests::Entry active;
    Clock::time_point until;
    std::vector<Json> chunks = {};

    [[nodiscard]] bool is_late() const { return Clock::now() >= until; }
};

class CppHttplibServer : public HttpServer {
public:
    CppHttplibServer(const HttpOptions& options, Metrics& metrics)
        : options_(options), metrics_(metrics) {
        server_.new_task_queue = [this] {
            constexpr std::size_t always = 4;
            return new httplib::ThreadPool(always, std::max(always, options_.connections));
        };
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
        const bool is_ipv6 = options_.host.find(':') != std::string::npos;
        const std::string host = is_ipv6 ? "[" + options_.host + "]" : options_.host;
        url_ = fmt::format("http://{}:{}", host, port);
        thread_ = std::thread([this] { (void)server_.listen_after_bind(); });
        server_.wait_until_ready();
        return {};
    }

    void serve(ServedModel& model) override { model_ = &model; }
    void drain() override { draining_ = true; }
    bool wait_until_idle(std::chrono::milliseconds at_most) override {
        return active_.wait_until_none(at_most);
    }
    void stop() override {
        server_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    std::string url() const override { return url_; }

private:
    using Ask = Asked<std::unique_ptr<OpenAnswer>> (*)(ServedModel&, std::string_view);

    void add_routes() {
        server_.Get("/health", [this](const auto&, auto& response) { health(response); });
        server_.Get("/v1/models", [this](const auto&, auto& response) { models(response); });
        server_.Get("/metrics", [this](const auto&, auto& response) {
            ServedModel* model = model_;
            response.set_content(model == nullptr ? metrics_.text({}) : model->metrics_text(),
                                 "text/plain; version=0.0.4; charset=utf-8");
        });
        for (const auto& [path, ask] :
             {std::pair<const char*, Ask>{"/v1/chat/completions", OpenAnswer::chat},
              std::pair<const char*, Ask>{"/v1/completions", OpenAnswer::text}}) {
            server_.Post(path, [this, ask = ask](const httplib::Request& request,
                                                 httplib::Response& response) {
                if (auto answered = answer(request, response, ask); !answered) {
                    answer_error(answered.error(), response);
                }
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

    [[nodiscard]] std::optional<ApiError> cannot_serve() const {
        if (draining_) {
            return unavailable("the server ends", "shutting_down");
        }
        if (model_ == nullptr) {
            return unavailable("the model is being loaded", "loading");
        }
        return std::nullopt;
    }

    void health(httplib::Response& response) const {
        if (const auto why_not = cannot_serve()) {
            return answer_error(*why_not, response);
        }
        response.set_content(R"({"status":"ok"})", "application/json");
    }

    void models(httplib::Response& response) const {
        const ServedModel* served = model_;
        if (served == nullptr) {
            return answer_error(*cannot_serve(), response);
        }
        const Plan& plan = served->model().plan();
        const Json model = {
            {"id", plan.model_name},
            {"object", "model"},
            {"created", started_},
            {"owned_by", "hexcore"},
            {"context_tokens", plan.context.tokens.value() / plan.context.sequences},
            {"sequences", plan.context.sequences}};
        response.set_content(json_line({{"object", "list"}, {"data", Json::array({model})}}),
                             "application/json");
    }

    Asked<void> answer(const httplib::Request& request, httplib::Response& response, Ask ask) {
        // Entered before it is looked: drain() misses nobody.
        ActiveRequests::Entry active(active_);
        if (auto why_not = cannot_serve()) {
            return tl::unexpected(*std::move(why_not));
        }
        const auto until = Clock::now() + options_.request_most;
        HEXCORE_TRY(opened, ask(*model_, request.body));
        // Shared, as httplib copies what sends a stream.
        const auto sending =
            std::make_shared<Sending>(Sending{std::move(opened), std::move(active), until});
        OpenAnswer& open = *sending->answer;
        const bool streams = open.streams();
        if (streams) {
            open.begin(sending->chunks);
        }
        const std::size_t begun = sending->chunks.size();
        // An answer that fails at once has a status of its own, in a stream, too.
        while (!open.has_ended() && (!streams || sending->chunks.size() == begun)) {
            if (request.is_connection_closed()) {
                response.status = 499;  // nobody reads it, but it is counted
                return {};
            }
            if (sending->is_late()) {
                return tl::unexpected(out_of_time(options_));
            }
            HEXCORE_TRY_VOID(open.advance(look_every, sending->chunks));
        }
        if (!streams) {
            response.set_content(json_line(open.whole()), "application/json");
            return {};
        }
        response.set_header("Cache-Control", "no-cache");
        response.set_chunked_content_provider(
            "text/event-stream",
            [this, sending](std::size_t, httplib::DataSink& sink) { return send(*sending, sink); });
        return {};
    }

    /// Some more of a stream. False: nobody reads it.
    bool send(Sending& sending, httplib::DataSink& sink) const {
        std::string text;
        for (const Json& chunk : std::exchange(sending.chunks, {})) {
            text += event(chunk);
        }
        bool ends = sending.answer->has_ended();
        if (ends) {
            text += "data: [DONE]\n\n";
        } else if (sending.is_late()) {
            text += event(error_json(out_of_time(options_)));
            ends = true;
        }
        if (!sink.is_writable() || (!text.empty() && !sink.write(text.data(), text.size()))) {
            return false;
        }
        if (ends) {
            sink.done();
            return true;
        }
        if (const auto came = sending.answer->advance(look_every, sending.chunks); !came) {
            const std::string last = event(error_json(came.error()));
            (void)sink.write(last.data(), last.size());
            sink.done();
        }
        return true;
    }

    const HttpOptions options_;
    Metrics& metrics_;
    std::atomic<ServedModel*> model_ = nullptr;  ///< null: it is being loaded
    std::atomic<bool> draining_ = false;
    ActiveRequests active_;
    std::string url_;
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
