#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/serve/histogram.hpp"
#include "hexcore/session/engine_thread.hpp"

namespace hexcore {

/// What a server did since it started, for `GET /metrics`. Safe to use from any thread.
class Metrics {
public:
    void count_request(const std::string& path, int status);
    void count_answer(const Answer& answer);
    /// A question to an assistant whose answer is complete.
    struct Question {
        std::vector<std::string> experts = {};  ///< that gave it; none: it was refused
        std::string suggested = {};             ///< in their place; empty: nobody
    };
    void count_question(const Question& question);
    /// How long a whole answer takes, on average so far; 0: none was given.
    [[nodiscard]] double seconds_each();

    /// An expert of an assistant, as its breaker has it.
    struct Expert {
        std::string name;
        std::size_t failures = 0;  ///< that still count
        bool is_out = false;       ///< it is not asked for a while
    };
    /// What is at the moment.
    struct Now {
        bool loaded = false;  ///< without a model the rest says nothing
        EngineState engine = {};
        std::vector<RunDevice> devices = {};
        std::vector<Expert> experts = {};  ///< all of them; none: there is no assistant
    };
    /// All but the requests in Prometheus' text format, version 0.0.4 (docs/serve.md lists the
    /// names).
    [[nodiscard]] std::string text(const Now& now);
    /// The requests, by path and status.
    [[nodiscard]] std::string requests_text();

private:
    void add_experts(std::string& text, const std::vector<Expert>& experts);

    std::mutex mutex_;
    std::map<std::pair<std::string, int>, std::uint64_t> requests_;
    std::map<std::string, std::uint64_t> answers_;    ///< by why they ended
    std::map<std::string, std::uint64_t> questions_;  ///< by expert
    std::map<std::string, std::uint64_t> fallbacks_;  ///< by the expert that was suggested
    std::uint64_t refused_questions_ = 0;
    std::uint64_t prompt_tokens_ = 0;
    std::uint64_t reused_tokens_ = 0;
    std::uint64_t generated_tokens_ = 0;
    std::uint64_t answered_ = 0;
    double seconds_ = 0;
    Histogram waited_;
    Histogram to_first_token_;
    Histogram per_token_;
    Histogram whole_;
};

}  // namespace hexcore
