#include "hexcore/serve/worker_answers.hpp"

#include <fmt/format.h>

#include <utility>

#include "hexcore/report/leftovers.hpp"
#include "hexcore/report/reset_report.hpp"
#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/relay.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A worker answers in time or says that it doesn't; one that is stopped or hangs does neither.
constexpr milliseconds worker_late{5'000};
/// How long its end may take to be known once it has closed a connection.
constexpr milliseconds end_known_in{5'000};

/// An answer of a worker on its way to one client.
struct Passing {
    Clock::time_point asked = Clock::now();
    HttpQuestion question;
    WorkerPlace place;
    Relay relay;
    std::string come = {};
    Relay::State state = Relay::State::waiting;

    Passing(HttpQuestion passed, WorkerPlace where)
        : question(std::move(passed)),
          place(std::move(where)),
          relay(place,
                {.method = Relay::Method::post,
                 .path = question.request.path,
                 .body = std::move(question.body),
                 .content_type = "application/json"},
                question.most + worker_late) {}

    [[nodiscard]] bool is_late() const { return Clock::now() >= question.until + worker_late; }
    /// The worker has had its time: it was asked later than this process was, by as long as that
    /// read the body and waited for a load.
    [[nodiscard]] bool is_overdue() const {
        return Clock::now() >= asked + question.most + worker_late / 2;
    }
    void advance() { state = relay.advance(look_every, come); }
    [[nodiscard]] bool has_ended() const {
        return state == Relay::State::whole || state == Relay::State::lost;
    }
};

class WorkerAnswers : public HttpAnswers {
public:
    WorkerAnswers(ModelWorker& worker, Metrics& metrics) : worker_(worker), metrics_(metrics) {}

    void question(HttpQuestion question, httplib::Response& response) override {
        if (auto passed = pass(std::move(question), response); !passed) {
            answer_error(passed.error(), response);
        }
    }
    Json models() const override { return worker_.models(); }

    Asked<std::string> metrics() override {
        std::string text;
        if (const auto place = worker_.running()) {
            Relay relay(*place, {.path = "/metrics"}, worker_late);
            const auto until = Clock::now() + worker_late;
            auto state = Relay::State::waiting;
            while (state != Relay::State::whole && state != Relay::State::lost &&
                   Clock::now() < until) {
                state = relay.advance(look_every, text);
            }
            if (state != Relay::State::whole) {
                return tl::unexpected(
                    unavailable("the process that has the model does not answer", "worker_silent"));
            }
        }
        return (text.empty() ? metrics_.text({}) : text) +
               fmt::format(
                   "# HELP hexcore_worker_starts_total Processes that were started to have the "
                   "model.\n# TYPE hexcore_worker_starts_total counter\n"
                   "hexcore_worker_starts_total {}\n",
                   worker_.starts());
    }

    void reset(httplib::Response& response) override {
        const auto end = worker_.end(ModelWorker::Ending::now);
        answer_json(end ? reset_json(end->memory, end->parked) : leftovers_json({}), response);
    }
    void end_now() override { worker_.end_for_good(ModelWorker::Ending::now); }

private:
    /// Waits until there is a worker; null: the client has gone.
    Asked<std::optional<WorkerPlace>> wait_for_worker(const HttpQuestion& question) {
        ModelWorker::Wait wait;
        for (;;) {
            HEXCORE_TRY(place, worker_.place(wait, look_every));
            if (place || question.request.is_connection_closed()) {
                return place;
            }
            if (Clock::now() >= question.until) {
                return tl::unexpected(out_of_time(question.most));
            }
        }
    }

    Asked<void> pass(HttpQuestion question, httplib::Response& response) {
        HEXCORE_TRY(place, wait_for_worker(question));
        if (!place) {
            response.status = 499;  // nobody reads it, but it is counted
            return {};
        }
        // Shared, as httplib copies what sends a stream.
        const auto passing = std::make_shared<Passing>(std::move(question), *place);
        bool streams = false;
        while (!passing->has_ended() && !streams) {
            passing->advance();
            if (passing->question.request.is_connection_closed()) {
                response.status = 499;
                return {};
            }
            if (passing->is_late()) {
                return tl::unexpected(hangs(*passing));
            }
            streams = passing->state == Relay::State::answering &&
                      passing->relay.head().content_type == "text/event-stream";
        }
        if (passing->state == Relay::State::lost) {
            return tl::unexpected(why_lost(*passing));
        }
        const Relay::Head head = passing->relay.head();
        response.status = head.status;
        if (!head.retry_after.empty()) {
            response.set_header("Retry-After", head.retry_after);
        }
        constexpr int first_error = 400;
        if (!streams && head.status < first_error) {
            answer_whole(std::move(passing->come), head.content_type, passing, response);
            return {};
        }
        if (!streams) {
            response.set_content(std::move(passing->come), head.content_type);
            return {};
        }
        response.set_header("Cache-Control", "no-cache");
        response.set_chunked_content_provider(
            head.content_type,
            [this, passing](std::size_t, httplib::DataSink& sink) { return send(*passing, sink); });
        return {};
    }

    /// Some more of a stream. False: nobody reads it.
    bool send(Passing& passing, httplib::DataSink& sink) {
        if (!passing.has_ended() && passing.come.empty()) {
            passing.advance();
        }
        std::string text = std::exchange(passing.come, {});
        const bool late = !passing.has_ended() && passing.is_late();
        if (passing.state == Relay::State::lost || late) {
            text += event_of(error_json(late ? hangs(passing) : why_lost(passing)));
        }
        if (!sink.is_writable() || (!text.empty() && !sink.write(text.data(), text.size()))) {
            return false;
        }
        if (passing.has_ended() || late) {
            sink.done();
        }
        return true;
    }

    [[nodiscard]] ApiError why_lost(const Passing& passing) {
        return passing.is_late() ? hangs(passing) : worker_.why_gone(passing.place, end_known_in);
    }

    /// A worker that says nothing in its time does nothing either for anybody else.
    [[nodiscard]] ApiError hangs(const Passing& passing) {
        if (passing.is_overdue()) {
            worker_.end(ModelWorker::Ending::now,
                        "the process that had the model did not answer in time",
                        passing.place.number);
        }
        return out_of_time(passing.question.most);
    }

    ModelWorker& worker_;
    Metrics& metrics_;
};

}  // namespace

std::unique_ptr<HttpAnswers> answers_of(ModelWorker& worker, Metrics& metrics) {
    return std::make_unique<WorkerAnswers>(worker, metrics);
}

}  // namespace hexcore
