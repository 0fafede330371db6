#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

class HttpAnswers;
class Metrics;

struct HttpOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;  ///< 0: any that is free
    std::string api_key = {};   ///< that clients have to give; empty: none
    Bytes body_most{8U << 20};
    std::chrono::milliseconds body_time_most{60'000};  ///< that a client may take with all of one
    std::chrono::milliseconds request_most{600'000};   ///< for all of an answer
    std::size_t connections = 192;                     ///< that are served at once; more wait
    /// Counts requests and tells in `GET /metrics`; not of a worker, whose server does.
    bool counts_requests = true;
};

/// The HTTP side of a server (docs/serve.md): it listens from the start, and answers 503 until it
/// has a model. Only this knows of cpp-httplib.
class HttpServer {
public:
    /// Listens, on threads of its own. The metrics must outlive it. Fails with ErrorCode::usage
    /// where the address cannot be had.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(const HttpOptions& options,
                                                                    Metrics& metrics);
    virtual ~HttpServer() = default;  ///< as stop()

    /// From now on these answer, until stop().
    virtual void serve(HttpAnswers& answers) = 0;
    /// New questions get 503; those that are being answered go on.
    virtual void drain() = 0;
    /// What is being answered ends at once, with an error.
    virtual void end_now() = 0;
    /// Waits up to `at_most` for the last of them. Whether none is left.
    [[nodiscard]] virtual bool wait_until_idle(std::chrono::milliseconds at_most) = 0;
    /// Closes what listens and every connection.
    virtual void stop() = 0;

    /// `http://127.0.0.1:8080`
    [[nodiscard]] virtual std::string url() const = 0;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
};

}  // namespace hexcore
