#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "hexcore/serve/active_requests.hpp"
#include "hexcore/serve/api_error.hpp"

namespace httplib {
struct Request;
struct Response;
}  // namespace httplib

namespace hexcore {

/// A question to the model, read whole.
struct HttpQuestion {
    const httplib::Request& request;
    std::string body;
    ActiveRequests::Entry active;  ///< to be kept until the last of the answer is sent
    std::chrono::steady_clock::time_point until;
    std::chrono::milliseconds most;  ///< that the answer may take: what `until` was made of
};

/// Who answers what an HttpServer lets through. Called from its threads.
class HttpAnswers {
public:
    virtual ~HttpAnswers() = default;
    /// Why nobody can be answered now; nothing: they can be.
    [[nodiscard]] virtual std::optional<ApiError> cannot_answer() const { return std::nullopt; }
    virtual void question(HttpQuestion question, httplib::Response& response) = 0;
    /// A list, see models_json(); empty: no model was loaded yet.
    [[nodiscard]] virtual nlohmann::ordered_json models() const = 0;
    [[nodiscard]] virtual Asked<std::string> metrics() = 0;
    /// Gives all memory back, and says with a "hexcore.reset/1" document whether it came back.
    virtual void reset(httplib::Response& response) = 0;
    /// Ends at once what is being answered.
    virtual void end_now() = 0;
};

}  // namespace hexcore
