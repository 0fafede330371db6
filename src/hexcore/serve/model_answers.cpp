#include "hexcore/serve/model_answers.hpp"

#include <utility>
#include <vector>

#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/open_answer.hpp"
#include "hexcore/serve/served_names.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

/// An answer on its way to one client.
struct Sending {
    std::unique_ptr<OpenAnswer> answer;
    HttpQuestion question;
    std::vector<Json> chunks = {};

    [[nodiscard]] bool is_late() const { return Clock::now() >= question.until; }
    [[nodiscard]] ApiError out_of_time() const { return hexcore::out_of_time(question.most); }
};

/// Some more of a stream. False: nobody reads it.
bool send(Sending& sending, httplib::DataSink& sink) {
    std::string text;
    for (const Json& chunk : std::exchange(sending.chunks, {})) {
        text += event_of(chunk);
    }
    bool ends = sending.answer->has_ended();
    if (ends) {
        text += "data: [DONE]\n\n";
    } else if (sending.is_late()) {
        text += event_of(error_json(sending.out_of_time()));
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
        const std::string last = event_of(error_json(came.error()));
        (void)sink.write(last.data(), last.size());
        sink.done();
    }
    return true;
}

class ModelAnswers : public HttpAnswers {
public:
    explicit ModelAnswers(ServedModel& model) : model_(model) {}

    void question(HttpQuestion question, httplib::Response& response) override {
        if (auto answered = answer(std::move(question), response); !answered) {
            answer_error(answered.error(), response);
        }
    }
    Json models() const override { return models_json(model_.model().plan(), model_.assistant()); }
    Asked<std::string> metrics() override { return model_.metrics_text(); }
    void reset(httplib::Response& response) override {
        answer_error({.status = 409,
                      .message = "the model is in the server's own process, which has it until "
                                 "that ends",
                      .code = "no_worker"},
                     response);
    }
    void end_now() override { model_.end_now(); }

private:
    Asked<void> answer(HttpQuestion question, httplib::Response& response) {
        const httplib::Request& request = question.request;
        const auto ask = request.path == "/v1/completions" ? OpenAnswer::text : OpenAnswer::chat;
        HEXCORE_TRY(opened, ask(model_, question.body));
        // Shared, as httplib copies what sends a stream.
        const auto sending =
            std::make_shared<Sending>(Sending{std::move(opened), std::move(question)});
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
                return tl::unexpected(sending->out_of_time());
            }
            HEXCORE_TRY_VOID(open.advance(look_every, sending->chunks));
            if (!streams) {
                sending->chunks.clear();  // whole() has it all
            }
        }
        if (!streams) {
            answer_whole(json_line(open.whole()), "application/json", sending, response);
            return {};
        }
        response.set_header("Cache-Control", "no-cache");
        response.set_chunked_content_provider(
            "text/event-stream",
            [sending](std::size_t, httplib::DataSink& sink) { return send(*sending, sink); });
        return {};
    }

    ServedModel& model_;
};

}  // namespace

std::unique_ptr<HttpAnswers> answers_of(ServedModel& model) {
    return std::make_unique<ModelAnswers>(model);
}

}  // namespace hexcore
