#include "hexcore/base/text_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace hexcore {

Result<std::string> read_text(std::istream& from, const std::string& name) {
    constexpr std::size_t most_bytes = std::size_t{64} << 20U;
    // Not by iterators of the buffer, which throw where it is a directory.
    std::string text;
    std::array<char, 65536> piece{};
    while (from.read(piece.data(), piece.size()) || from.gcount() > 0) {
        text.append(piece.data(), static_cast<std::size_t>(from.gcount()));
        if (text.size() > most_bytes) {
            return fail(ErrorCode::bad_input,
                        "{} has more than {} bytes, which no prompt and no plan needs", name,
                        most_bytes);
        }
    }
    if (!from.eof()) {
        return fail(ErrorCode::bad_input, "{} cannot be read: {}", name, std::strerror(errno));
    }
    return text;
}

}  // namespace hexcore
