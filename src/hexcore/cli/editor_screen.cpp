#include "hexcore/cli/editor_screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cwchar>
#include <string>

#include "hexcore/cli/code_points.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

struct Screen {
    const Clusters& clusters;
    CodePoints decoder = {};  ///< has the start of a character whose rest comes with the next write
};

ssize_t write_to_screen(void* cookie, const char* bytes, std::size_t size) {
    Screen& screen = *static_cast<Screen*>(cookie);
    std::wstring characters;
    for (const char byte : std::string_view(bytes, size)) {
        screen.decoder.add(byte, characters);
    }
    (void)write_whole(screen.clusters.shown(characters));  // who reads from it will notice
    return static_cast<ssize_t>(size);
}

int close_screen(void* cookie) {
    delete static_cast<Screen*>(cookie);
    return 0;
}

}  // namespace

std::FILE* open_screen(const Clusters& clusters) {
    auto* screen = new Screen{clusters};
    std::FILE* file = ::fopencookie(
        screen, "w",
        {.read = nullptr, .write = write_to_screen, .seek = nullptr, .close = close_screen});
    if (file == nullptr) {
        delete screen;
    }
    return file;
}

WindowSize window_size() {
    winsize size{};
    ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
    // What libedit takes where the terminal doesn't say.
    return {.rows = size.ws_row < 1 ? std::size_t{24} : size.ws_row,
            .columns = size.ws_col < 2 ? std::size_t{80} : size.ws_col};
}

std::size_t rows_above_end(std::wstring_view text, std::size_t columns) {
    std::size_t rows = 0;
    std::size_t column = 0;
    for (const wchar_t character : text) {
        if (character == L'\n') {
            ++rows;
            column = 0;
            continue;
        }
        constexpr std::size_t tab = 8;
        constexpr int control_width = 2;  // as "^A"
        const int known = ::wcwidth(character);
        const auto width = character == L'\t'
                               ? tab - column % tab
                               : static_cast<std::size_t>(known < 0 ? control_width : known);
        column += width;
        if (column > columns) {  // a wide one goes to the next row whole
            ++rows;
            column = width;
        }
        if (column == columns) {
            ++rows;
            column = 0;
        }
    }
    return rows;
}

}  // namespace hexcore
