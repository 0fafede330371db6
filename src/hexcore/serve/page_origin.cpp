#include "hexcore/serve/page_origin.hpp"

#include <arpa/inet.h>

#include <array>
#include <string>

namespace hexcore {
namespace {

/// Without the port; of an IPv6 address without its brackets.
std::string name_of(std::string_view host) {
    if (host.starts_with('[')) {
        return std::string(host.substr(1, host.find(']') - 1));
    }
    return std::string(host.substr(0, host.rfind(':')));
}

bool is_address(const std::string& name) {
    std::array<unsigned char, sizeof(in6_addr)> parsed{};
    return ::inet_pton(AF_INET, name.c_str(), parsed.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), parsed.data()) == 1;
}

}  // namespace

bool page_may_ask(std::string_view origin, std::string_view host, std::string_view listens_on,
                  bool has_key) {
    if (origin.empty()) {
        return true;
    }
    const std::string name = name_of(host);
    const bool is_own = !host.empty() && origin.ends_with("://" + std::string(host));
    // Browsers ask nobody where localhost is.
    return is_own && (has_key || is_address(name) || name == listens_on || name == "localhost" ||
                      name.ends_with(".localhost"));
}

}  // namespace hexcore
