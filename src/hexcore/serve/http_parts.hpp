#pragma once

#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "hexcore/serve/api_error.hpp"

namespace hexcore {

/// How long at most nobody notices that a client has gone, or that time is up.
constexpr std::chrono::milliseconds look_every{50};

[[nodiscard]] std::string json_line(const nlohmann::ordered_json& json);
/// One event of a stream (server-sent events).
[[nodiscard]] std::string event_of(const nlohmann::ordered_json& json);

void answer_json(const nlohmann::ordered_json& json, httplib::Response& response);
/// A whole answer, which is no error; `kept` goes once the last of it is sent, or nobody reads it.
void answer_whole(std::string text, const std::string& type, std::shared_ptr<const void> kept,
                  httplib::Response& response);
void answer_error(const ApiError& error, httplib::Response& response);
/// The answer took longer than that.
[[nodiscard]] ApiError out_of_time(std::chrono::milliseconds most);

/// Ends the connections that clients have with what listens on this port of this process, so that
/// nobody who reads or writes there goes on to wait.
void end_connections(int port);

}  // namespace hexcore
