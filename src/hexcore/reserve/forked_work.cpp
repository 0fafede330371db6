#include "hexcore/reserve/forked_work.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {
namespace {

constexpr std::string_view pid_place = "{PID}";

/// The process of the function: waits for its byte, works, gives back.
[[noreturn]] void work_apart(const std::function<std::string()>& work, int output, int go,
                             int result) {
    ::setsid();
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    char byte = 0;
    ssize_t count = 0;
    do {
        count = ::read(go, &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count != 1) {
        ::_exit(1);
    }
    const std::string made = work();
    std::fflush(stdout);
    std::fflush(stderr);
    const auto size = static_cast<std::uint64_t>(made.size());
    std::array<char, sizeof size> head;
    std::memcpy(head.data(), &size, sizeof size);
    const bool is_given = write_all(result, {head.data(), head.size()}) && write_all(result, made);
    // Nothing of this process's parent is to be ended a second time.
    ::_exit(is_given ? 0 : 1);
}

/// All that the child needs to become the supervisor, made before it is forked: with other threads
/// running it may use system calls alone.
struct SupervisorExec {
    std::vector<std::string> words;
    std::vector<char*> pointers;
    std::size_t pid_word = 0;
    std::vector<int> descriptors;
    std::vector<int> numbers;

    explicit SupervisorExec(const AdoptedCage& cage) : words(cage.words), numbers(cage.numbers) {
        for (const FileDescriptor& descriptor : cage.descriptors) {
            descriptors.push_back(descriptor.get());
        }
        for (std::string& word : words) {
            if (word == pid_place) {
                pid_word = pointers.size();
            }
            pointers.push_back(word.data());
        }
        pointers.push_back(nullptr);
    }

    [[noreturn]] void become(pid_t worker) {
        std::array<char, 16> pid{};
        std::to_chars(pid.data(), pid.data() + pid.size() - 1, worker);
        pointers[pid_word] = pid.data();
        // First out of the way, since one of them may have another's number. Where no number is
        // left the supervisor would take a file of the program's for its socket.
        const int beyond = *std::max_element(numbers.begin(), numbers.end()) + 1;
        for (std::size_t place = 0; place < descriptors.size(); ++place) {
            descriptors[place] = ::fcntl(descriptors[place], F_DUPFD_CLOEXEC, beyond);
            if (descriptors[place] < 0) {
                ::_exit(127);
            }
        }
        for (std::size_t place = 0; place < descriptors.size(); ++place) {
            if (::dup2(descriptors[place], numbers[place]) < 0) {
                ::_exit(127);
            }
        }
        ::execv(pointers.front(), pointers.data());
        ::_exit(127);
    }
};

}  // namespace

Result<ForkedWork> ForkedWork::start(AdoptedCage& cage, const std::function<std::string()>& work) {
    std::array<int, 2> go{};
    std::array<int, 2> result{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go.data()) != 0) {
        return tl::unexpected(refused_process(errno));
    }
    const FileDescriptor go_there(go[0]);
    FileDescriptor go_here(go[1]);
    if (::pipe2(result.data(), O_CLOEXEC) != 0) {
        return tl::unexpected(refused_process(errno));
    }
    FileDescriptor result_here(result[0]);
    const FileDescriptor result_there(result[1]);
    ::fcntl(result_here.get(), F_SETFL, O_NONBLOCK);
    SupervisorExec supervisor(cage);
    // What waits in buffers would be written twice.
    std::fflush(stdout);
    std::fflush(stderr);

    const pid_t child = ::fork();
    if (child < 0) {
        return tl::unexpected(refused_process(errno));
    }
    if (child == 0) {
        const pid_t worker = ::fork();
        if (worker == 0) {
            ::close(go_here.get());  // so that it sees the end of who may say go
            for (const FileDescriptor& descriptor : cage.descriptors) {
                ::close(descriptor.get());  // so that the end of the supervisor is seen
            }
            work_apart(work, cage.output.get(), go_there.get(), result_there.get());
        }
        if (worker < 0) {
            ::_exit(127);
        }
        supervisor.become(worker);
    }
    cage.descriptors.clear();
    { const FileDescriptor closed(std::move(cage.output)); }
    return ForkedWork({std::optional(std::move(go_here)), std::move(result_here)}, child);
}

ForkedWork::ForkedWork(ForkedWork&& other) noexcept
    : pipes_(std::move(other.pipes_)), supervisor_(std::exchange(other.supervisor_, 0)) {}

ForkedWork::~ForkedWork() {
    if (supervisor_ > 0) {
        pipes_.go.reset();  // one that never may go ends, and so does the supervisor
        while (::waitpid(supervisor_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

std::optional<std::string> ForkedWork::whole_result(const std::string& written) {
    std::uint64_t size = 0;
    if (written.size() < sizeof size) {
        return std::nullopt;
    }
    std::memcpy(&size, written.data(), sizeof size);
    return written.size() - sizeof size == size ? std::optional(written.substr(sizeof size))
                                                : std::nullopt;
}

}  // namespace hexcore
