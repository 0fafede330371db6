#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <tl/expected.hpp>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// An answer to a request that cannot be met, as OpenAI's clients expect it (docs/serve.md).
struct ApiError {
    int status = 400;  ///< of HTTP
    std::string type = "invalid_request_error";
    std::string message;
    std::string param = {};           ///< the path of the field; empty: none is to blame
    std::string code = {};            ///< for programs; empty: none
    std::uint32_t retry_after_s = 0;  ///< when to try again; 0: not said
    std::string facts = {};           ///< JSON about it, beside the error; empty: none
};

/// Either a value or what to answer in its place.
template <typename T>
using Asked = tl::expected<T, ApiError>;

/// A field of a request that is not as it has to be.
[[nodiscard]] ApiError wrong_field(std::string path, std::string message, std::string code = {});
/// Nobody can be answered now: the model is being loaded, or the server ends.
[[nodiscard]] ApiError unavailable(std::string message, std::string code);
/// More requests than the server takes.
[[nodiscard]] ApiError too_many(std::string message, std::uint32_t retry_after_s);
/// What the engine failed with: 400 for what the request is to blame for, 503 where a device
/// refused, 500 for the rest.
[[nodiscard]] ApiError of_engine(const Error& error);

/// `{"error": {"message", "type", "param", "code"}}`, and `"hexcore"` where there are facts.
[[nodiscard]] nlohmann::ordered_json error_json(const ApiError& error);

}  // namespace hexcore
