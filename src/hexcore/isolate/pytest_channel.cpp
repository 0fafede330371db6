#include "hexcore/isolate/pytest_channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "hexcore/process/child_start.hpp"
#include "hexcore/process/send_descriptors.hpp"

namespace hexcore {
namespace {

/// How long an end that does not read, as a pytest that a plugin keeps, may keep this process: it
/// has many to mind.
constexpr auto longest_send = std::chrono::seconds(2);

/// Until there is room for more; false at `until`.
bool may_send(int descriptor, std::chrono::steady_clock::time_point until) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd waiting{descriptor, POLLOUT, 0};
    return left.count() > 0 &&
           (::poll(&waiting, 1, static_cast<int>(left.count())) > 0 || errno == EINTR);
}

/// A worker's longest message has a few captured texts; what is longer is not one.
constexpr std::size_t longest_message = 64U << 20U;

}  // namespace

std::string PytestMessage::text(const char* key) const {
    const auto found = value.find(key);
    return found != value.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t PytestMessage::number(const char* key) const {
    const auto found = value.find(key);
    return found != value.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<double> PytestMessage::real(const char* key) const {
    const auto found = value.find(key);
    return found != value.end() && found->is_number() ? std::optional(found->get<double>())
                                                      : std::nullopt;
}

bool PytestMessage::is_set(const char* key) const {
    const auto found = value.find(key);
    return found != value.end() && found->is_boolean() && found->get<bool>();
}

std::vector<PytestMessage> PytestChannel::read() {
    while (!has_ended_ && read_portion()) {
    }
    std::vector<PytestMessage> messages;
    std::size_t begin = 0;
    for (std::size_t end = unread_.find('\n'); end != std::string::npos;
         end = unread_.find('\n', begin)) {
        PytestMessage message{
            nlohmann::json::parse(unread_.begin() + static_cast<std::ptrdiff_t>(begin),
                                  unread_.begin() + static_cast<std::ptrdiff_t>(end), nullptr,
                                  false),
            {}};
        begin = end + 1;
        if (!message.value.is_object()) {
            continue;
        }
        const std::size_t brought =
            std::min<std::size_t>(message.number("descriptors"), arrived_.size());
        for (std::size_t i = 0; i < brought; ++i) {
            message.descriptors.push_back(std::move(arrived_.front()));
            arrived_.pop_front();
        }
        messages.push_back(std::move(message));
    }
    unread_.erase(0, begin);
    has_ended_ = has_ended_ || unread_.size() > longest_message;
    return messages;
}

bool PytestChannel::read_portion() {
    std::array<char, 65536> bytes{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sent_descriptors_max * sizeof(int))> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    ssize_t count = 0;
    do {
        count = ::recvmsg(descriptor_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count < 0 && errno == ENOTSOCK) {  // a named pipe, which is opened not to wait
            count = ::read(descriptor_.get(), bytes.data(), bytes.size());
            header.msg_controllen = 0;
        }
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        has_ended_ = errno != EAGAIN && errno != EWOULDBLOCK;
        return false;
    }
    if (header.msg_controllen > 0) {
        keep_descriptors(&header);
    }
    has_ended_ = count == 0;
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
    return count > 0 && unread_.size() <= longest_message;
}

void PytestChannel::keep_descriptors(void* message_header) {
    auto* header = static_cast<msghdr*>(message_header);
    for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int descriptor = -1;
            std::memcpy(&descriptor, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            arrived_.emplace_back(descriptor);
        }
    }
}

bool PytestChannel::send(const nlohmann::json& message, const std::vector<int>& descriptors) const {
    nlohmann::json whole = message;
    if (!descriptors.empty()) {
        whole["descriptors"] = descriptors.size();
    }
    const std::string line =
        whole.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    if (descriptors.empty()) {
        return send_text(line);
    }
    const auto until = std::chrono::steady_clock::now() + longest_send;
    ssize_t count = 0;
    do {
        count = send_descriptors(descriptor_.get(), line, descriptors);
    } while (count < 0 && (errno == EINTR || (errno == EAGAIN && may_send(descriptor(), until))));
    return count > 0 && send_text(std::string_view(line).substr(static_cast<std::size_t>(count)));
}

bool PytestChannel::send_text(std::string_view text) const {
    const auto until = std::chrono::steady_clock::now() + longest_send;
    while (!text.empty()) {
        const ssize_t count =
            ::send(descriptor_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && (errno == EINTR || (errno == EAGAIN && may_send(descriptor(), until)))) {
            continue;
        }
        if (count < 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

Result<PytestChannel::Ends> PytestChannel::make_ends() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return tl::unexpected(refused_process(errno));
    }
    return Ends{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

}  // namespace hexcore
