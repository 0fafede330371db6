#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "hexcore/assistant/assistant.hpp"
#include "hexcore/cli/planning_flags.hpp"
#include "hexcore/serve/http_server.hpp"
#include "hexcore/serve/served_model.hpp"

namespace hexcore {

/// Tells a worker the key that is asked of those who ask it.
constexpr const char* worker_key_variable = "HEXCORE_WORKER_KEY";

/// The options of `hexcore serve`, as they are typed.
struct ServeOptions {
    PlanningFlags planning;
    std::string plan_file;
    std::string template_file;
    std::string assistant;  ///< its name or file; empty: none
    int threads = 0;
    std::string host = HttpOptions{}.host;
    std::uint16_t port = HttpOptions{}.port;
    std::string api_key;
    std::string body_most = "8MiB";
    std::size_t sessions = 64;
    std::size_t queue = 64;
    double timeout_seconds = 600;
    bool exact = false;
    bool worker = false;
    std::uint32_t worker_of = 0;  ///< the process whose worker this is; 0: nobody's

    void add_to(CLI::App& command);

    [[nodiscard]] bool is_worker() const { return worker_of != 0; }

    /// Fail with ErrorCode::usage where one is no size, or they contradict each other; the second
    /// reads a file, as read_file() does.
    [[nodiscard]] Result<HttpOptions> http() const;
    [[nodiscard]] Result<ServedModelOptions> model(const Plan& plan,
                                                   const std::atomic<bool>* stop) const;
    /// The assistant that is offered, with the model that it names where none is given. Fails as
    /// find_assistant() and Assistant::open(), and with ErrorCode::usage where there is no model.
    [[nodiscard]] Result<std::optional<Assistant>> settle_assistant();
    /// Fails with ErrorCode::usage where another process could not read what this one can.
    [[nodiscard]] Result<void> check_worker() const;
};

}  // namespace hexcore
