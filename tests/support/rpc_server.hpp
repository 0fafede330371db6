#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "hexcore/device/server_probe.hpp"

namespace hexcore::test {

/// ggml's own RPC server, over the CPU with one thread, on a free port of the loopback interface.
/// Ends with this object, and with the test program.
class RpcServer {
public:
    RpcServer() {
        for (int i = 0; i < 5 && pid_ == 0;
             ++i) {  // somebody else may take the port before it does
            start();
        }
    }
    ~RpcServer() { stop(); }
    RpcServer(const RpcServer&) = delete;
    RpcServer& operator=(const RpcServer&) = delete;

    [[nodiscard]] std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }

    /// Whether it came up; then it answers.
    [[nodiscard]] bool is_up() const { return pid_ > 0; }

    void stop() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }

private:
    /// Returns once it answers, or has ended.
    void start() {
        port_ = free_port();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int nowhere = ::open("/dev/null", O_WRONLY);
            ::dup2(nowhere, STDOUT_FILENO);
            ::dup2(nowhere, STDERR_FILENO);
            const std::string port = std::to_string(port_);
            ::execl(HEXCORE_RPC_SERVER, HEXCORE_RPC_SERVER, "-H", "127.0.0.1", "-p", port.c_str(),
                    "-t", "1", nullptr);
            ::_exit(127);
        }
        for (;;) {
            const bool answers = probe_server(endpoint()).has_value();
            if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
                pid_ = 0;  // and who answers is somebody else
                return;
            }
            if (answers) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
    }

    static int free_port() {
        const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), size);
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
        ::close(socket);
        return ntohs(address.sin_port);
    }

    int port_ = 0;
    pid_t pid_ = 0;
};

}  // namespace hexcore::test
