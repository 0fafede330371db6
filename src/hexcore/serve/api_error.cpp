#include "hexcore/serve/api_error.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/base/told.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

bool is_too_long(const Error& error) {
    return std::ranges::any_of(error.remedies, [](const Remedy& remedy) {
        return remedy.change == Change::raise_context;
    });
}

}  // namespace

ApiError wrong_field(std::string path, std::string message, std::string code) {
    return {.message = std::move(message), .param = std::move(path), .code = std::move(code)};
}

ApiError unavailable(std::string message, std::string code) {
    return {.status = 503,
            .type = "unavailable_error",
            .message = std::move(message),
            .code = std::move(code),
            .retry_after_s = 1};
}

ApiError too_many(std::string message, std::uint32_t retry_after_s) {
    return {.status = 429,
            .type = "rate_limit_error",
            .message = std::move(message),
            .code = "queue_full",
            .retry_after_s = retry_after_s};
}

ApiError of_engine(const Error& error) {
    const std::string message = told(error);
    switch (error.code) {
        case ErrorCode::usage:
        case ErrorCode::bad_input:
            return {.message = message,
                    .code = is_too_long(error) ? "context_length_exceeded" : ""};
        case ErrorCode::does_not_fit:
            return {.status = 503,
                    .type = "unavailable_error",
                    .message = message,
                    .code = "out_of_memory",
                    .retry_after_s = 1};
        default:
            return {.status = 500, .type = "server_error", .message = message};
    }
}

Json error_json(const ApiError& error) {
    Json json = {{"error",
                  {{"message", error.message},
                   {"type", error.type},
                   {"param", text_or_null(error.param)},
                   {"code", text_or_null(error.code)}}}};
    if (!error.facts.empty()) {
        json["hexcore"] = Json::parse(error.facts);
    }
    return json;
}

}  // namespace hexcore
