#pragma once

#include <string_view>

namespace hexcore {

/// Whether `given` is the secret, in a time that tells nothing of where they differ.
[[nodiscard]] inline bool is_secret(std::string_view given, std::string_view secret) {
    unsigned different = given.size() == secret.size() ? 0 : 1;
    for (std::size_t i = 0; i < given.size(); ++i) {
        const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
        different |= static_cast<unsigned char>(given[i] ^ expected);
    }
    return different == 0;
}

}  // namespace hexcore
