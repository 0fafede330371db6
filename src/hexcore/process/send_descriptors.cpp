#include "hexcore/process/send_descriptors.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>

#include "hexcore/base/check.hpp"

namespace hexcore {

ssize_t send_descriptors(int socket, std::string_view bytes, std::span<const int> descriptors) {
    HEXCORE_CHECK(!descriptors.empty() && descriptors.size() <= sent_descriptors_max,
                  descriptors.size(), sent_descriptors_max);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sent_descriptors_max * sizeof(int))> space{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // which sendmsg() does not change
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    return ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace hexcore
