#include "hexcore/serve/worker_answers.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/socket.h>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/http_server.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* asked_path = "/v1/completions";

/// A process that says it answers at a port of this one's.
ModelWorkerOptions answering_at(int port) {
    return {
        .program = "/bin/sh",
        .arguments = {"-c",
                      fmt::format(
                          "echo '{}'; exec sleep 1000",
                          Json({{"port", port}, {"models", Json::array({{{"id", "m"}}})}}).dump())},
        .key_variable = "HEXCORE_TEST_KEY"};
}

/// Takes connections and says nothing.
class SilentPort {
public:
    SilentPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* own = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_.get(), own, size), 0);
        EXPECT_EQ(::listen(socket_.get(), 4), 0);
        EXPECT_EQ(::getsockname(socket_.get(), own, &size), 0);
        number_ = ntohs(address.sin_port);
    }
    [[nodiscard]] int number() const { return number_; }

private:
    FileDescriptor socket_;
    int number_ = 0;
};

TEST(WorkerAnswers, AWorkerThatWasAskedLateIsNotKilledForIt) {
    const SilentPort silent;
    ModelWorker worker(answering_at(silent.number()));
    ASSERT_TRUE(worker.start(nullptr));
    Metrics metrics;
    const auto answers = answers_of(worker, metrics);
    httplib::Request request;
    request.path = asked_path;
    request.is_connection_closed = [] { return false; };
    httplib::Response response;
    ActiveRequests active;
    // Reading the body took all of the time.
    answers->question({.request = request,
                       .body = "{}",
                       .active = ActiveRequests::Entry(active),
                       .until = std::chrono::steady_clock::now() - 60s,
                       .most = 60s},
                      response);
    EXPECT_EQ(response.status, 504);
    EXPECT_THAT(response.body, HasSubstr("longer than 60 s"));
    EXPECT_TRUE(worker.running());
    EXPECT_EQ(worker.starts(), 1U);
}

/// Answers more than connections hold.
class Much : public HttpAnswers {
public:
    void question(HttpQuestion question, httplib::Response& response) override {
        const auto kept = std::make_shared<HttpQuestion>(std::move(question));
        answer_whole(std::string(size, 'x'), "text/plain", kept, response);
    }
    [[nodiscard]] Json models() const override { return Json::array({{{"id", "much"}}}); }
    [[nodiscard]] Asked<std::string> metrics() override { return "hexcore_much 1\n"; }
    void reset(httplib::Response& response) override { answer_json({{"clean", true}}, response); }
    void end_now() override {}

    static constexpr std::size_t size = 32U << 20;
};

/// A server and, behind it, one in the place of a worker's.
class TwoServers : public ::testing::Test {
protected:
    TwoServers() {
        behind_->serve(much_);
        EXPECT_TRUE(worker_.start(nullptr));
        server_->serve(*answers_);
    }
    ~TwoServers() override { worker_.end_for_good(ModelWorker::Ending::now); }

    static std::unique_ptr<HttpServer> listen(Metrics& metrics, bool counts_requests) {
        auto server = HttpServer::listen(
            {.port = 0, .connections = 4, .counts_requests = counts_requests}, metrics);
        EXPECT_TRUE(server.has_value()) << server.error().message;
        return *std::move(server);
    }
    [[nodiscard]] httplib::Client client() const {
        httplib::Client client("127.0.0.1", server_->port());
        client.set_read_timeout(60s);
        return client;
    }

    Metrics behind_metrics_;
    Metrics metrics_;
    Much much_;
    std::unique_ptr<HttpServer> behind_ = listen(behind_metrics_, false);
    ModelWorker worker_{answering_at(behind_->port())};
    std::unique_ptr<HttpAnswers> answers_ = answers_of(worker_, metrics_);
    std::unique_ptr<HttpServer> server_ = listen(metrics_, true);
};

TEST_F(TwoServers, AWholeAnswerIsBeingGivenUntilTheLastOfItIsSent) {
    std::size_t received = 0;
    std::size_t before_drained = 0;
    auto reader = client();
    httplib::Request request;
    request.method = "POST";
    request.path = asked_path;
    request.content_receiver = [&](const char*, std::size_t size, std::size_t, std::size_t) {
        if (received == 0) {
            server_->drain();
            EXPECT_FALSE(server_->wait_until_idle(0ms)) << "it holds more than a connection does";
            before_drained = size;
        }
        received += size;
        return true;
    };
    const auto result = reader.send(request);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200);
    EXPECT_LT(before_drained, Much::size);
    EXPECT_EQ(received, Much::size);
    EXPECT_TRUE(server_->wait_until_idle(60s));
    EXPECT_TRUE(behind_->wait_until_idle(60s));
}

TEST_F(TwoServers, RequestsAreCountedWhereClientsAskAndTheRestWhereItIsAnswered) {
    EXPECT_EQ(client().Post("/nothing")->status, 404);
    const std::string text = client().Get("/metrics")->body;
    EXPECT_THAT(text, HasSubstr("hexcore_much 1\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_worker_starts_total 1\n"));
    constexpr const char* refused = "hexcore_requests_total{path=\"other\",status=\"404\"} 1\n";
    EXPECT_THAT(text, HasSubstr(refused));
    EXPECT_THAT(text, Not(HasSubstr("path=\"/metrics\""))) << "of the one behind";
    ASSERT_EQ(client().Post("/reset")->status, 200);
    const std::string without = client().Get("/metrics")->body;
    EXPECT_THAT(without, HasSubstr(refused));
    EXPECT_THAT(without, HasSubstr("hexcore_model_loaded 0\n"));
}

TEST_F(TwoServers, AResetWithoutAWorkerHasNothingToLookAt) {
    const auto reset = [this] { return Json::parse(client().Post("/reset")->body); };
    const Json first = reset();
    EXPECT_EQ(first.at("clean"), true);
    EXPECT_EQ(first.at("host").at("name"), "main memory");
    EXPECT_EQ(first.at("host").at("peak_bytes"), nullptr) << "the books went with the process";
    const Json second = reset();
    EXPECT_EQ(second.at("clean"), true);
    EXPECT_EQ(second.at("host"), nullptr);
    EXPECT_EQ(second.at("schema"), first.at("schema"));
}

}  // namespace
}  // namespace hexcore::test
