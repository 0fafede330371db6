#include "hexcore/serve/http_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <httplib.h>
#include <sys/socket.h>

#include <string_view>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/serve/http_answers.hpp"
#include "hexcore/serve/http_parts.hpp"
#include "hexcore/serve/metrics.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Says how long a question was.
class Echo : public HttpAnswers {
public:
    void question(HttpQuestion question, httplib::Response& response) override {
        answer_json({{"bytes", question.body.size()}}, response);
    }
    [[nodiscard]] Json models() const override {
        return Json::array({{{"id", "echo"}}, {{"id", "echo:LOUD"}, {"description", "shouts"}}});
    }
    [[nodiscard]] Asked<std::string> metrics() override { return "hexcore_echo 1\n"; }
    void reset(httplib::Response& response) override { answer_json({{"clean", true}}, response); }
    void end_now() override {}
};

/// Bytes to a server and back.
class Client {
public:
    explicit Client(std::uint16_t port)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval most{60, 0};
        EXPECT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most)), 0);
        EXPECT_EQ(
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
    }
    /// False: the other side has gone.
    [[nodiscard]] bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// The next answer: its head and its body.
    [[nodiscard]] std::string answer() {
        std::size_t size = std::string::npos;
        for (char some[4096];;) {
            const std::size_t body = received_.find("\r\n\r\n");
            if (body != std::string::npos && size == std::string::npos) {
                constexpr std::string_view field = "Content-Length: ";
                const std::size_t at = received_.find(field);
                size = body + 4 + std::stoul(received_.substr(at + field.size()));
            }
            if (received_.size() >= size) {
                const std::string whole = received_.substr(0, size);
                received_.erase(0, size);
                return whole;
            }
            const ssize_t count = socket_.read(some, sizeof(some));
            if (count <= 0) {
                return "(gone)";
            }
            received_.append(some, static_cast<std::size_t>(count));
        }
    }

private:
    std::string received_;
    FileDescriptor socket_;
};

std::string request_head(std::string_view path, std::string_view fields) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", path, fields);
}

class HttpServerTest : public ::testing::Test {
protected:
    void listen(HttpOptions options = {}) {
        options.port = 0;
        options.connections = 4;
        auto server = HttpServer::listen(options, metrics_);
        ASSERT_TRUE(server.has_value()) << server.error().message;
        server_ = std::move(*server);
    }
    /// All of it is taken, and then it is answered.
    [[nodiscard]] std::string send(const std::string& request) const {
        Client client(server_->port());
        EXPECT_TRUE(client.send(request)) << "the other side hung up";
        return client.answer();
    }
    [[nodiscard]] std::string ask(const std::string& body) const {
        return send(request_head(asked_, fmt::format("Content-Length: {}", body.size())) + body);
    }

    const std::string asked_ = "/v1/completions";
    const std::string large_ = std::string(7U << 20, 'x');
    Metrics metrics_;
    Echo echo_;
    std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ListsAllModelsAndShowsEachByItsName) {
    listen();
    server_->serve(echo_);
    httplib::Client client("127.0.0.1", server_->port());
    const Json all = Json::parse(client.Get("/v1/models")->body);
    ASSERT_EQ(all.at("data").size(), 2U);
    EXPECT_EQ(all.at("data")[0].at("object"), "model");
    const auto one = client.Get("/v1/models/echo%3ALOUD");
    EXPECT_EQ(Json::parse(one->body), all.at("data")[1]);
    EXPECT_EQ(all.at("data")[1].at("description"), "shouts");
    EXPECT_EQ(client.Get("/v1/models/echo:QUIET")->status, 404);
}

TEST_F(HttpServerTest, RefusesWhatIsTooLargeAndHearsItOut) {
    listen({.body_most = Bytes(1000)});
    server_->serve(echo_);
    // More than a connection holds, so it is all sent only if it is read.
    const std::string refused = ask(large_);
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(refused, HasSubstr("the body is larger than 1000 bytes"));
    EXPECT_THAT(send(request_head(asked_, "Transfer-Encoding: chunked") +
                     fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", large_.size(), large_)),
                StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(ask(std::string(1000, 'x')), HasSubstr("{\"bytes\":1000}"));
    // What would not end, or is not sent before it is allowed, is not waited for.
    EXPECT_THAT(send(request_head(asked_, "Content-Length: 100000000000")),
                StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(send(request_head(asked_, "Content-Length: 2000\r\nExpect: 100-continue")),
                StartsWith("HTTP/1.1 413 "));
}

TEST_F(HttpServerTest, RefusesABodyThatTakesTooLong) {
    listen({.body_time_most = 0ms});
    server_->serve(echo_);
    const std::string late = ask("x");
    EXPECT_THAT(late, StartsWith("HTTP/1.1 408 "));
    EXPECT_THAT(late, HasSubstr("the body took longer than 0 s"));
}

TEST_F(HttpServerTest, SaysWhyNobodyAnswersYetOrAnyMoreAndHearsItOut) {
    listen();
    const auto refused = [this](const char* code) {
        const std::string answer = ask(large_);
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
        EXPECT_THAT(answer, HasSubstr(code));
        EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
    };
    refused("loading");
    server_->serve(echo_);
    EXPECT_THAT(ask(""), StartsWith("HTTP/1.1 200 "));
    server_->drain();
    refused("shutting_down");
}

TEST_F(HttpServerTest, RefusesWhoHasNoKeyAndHearsItOut) {
    listen({.api_key = "secret"});
    server_->serve(echo_);
    EXPECT_THAT(ask(large_), StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(send(request_head("/nothing", "")), StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(send(request_head("/reset", "")), StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(
        send(request_head(asked_, "Authorization: Bearer secret\r\nContent-Length: 1") + "x"),
        HasSubstr("{\"bytes\":1}"));
}

TEST_F(HttpServerTest, KeepsNoBodyThatNobodyAskedFor) {
    listen();
    server_->serve(echo_);
    const std::string chunks = fmt::format("1000\r\n{}\r\n0\r\n\r\n", std::string(4096, 'x'));
    constexpr const char* chunked = "Transfer-Encoding: chunked";
    EXPECT_THAT(
        send(fmt::format("GET /metrics HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n{}", chunked, chunks)),
        StartsWith("HTTP/1.1 400 "));
    EXPECT_THAT(send(request_head("/reset", chunked) + chunks), HasSubstr("{\"clean\":true}"));
    EXPECT_THAT(send(request_head("/nothing", chunked) + chunks), StartsWith("HTTP/1.1 404 "));
    EXPECT_THAT(send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr("hexcore_echo 1"));
}

}  // namespace
}  // namespace hexcore::test
