#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "hostile/bad_things.hpp"

namespace hostile {
namespace {

void write_all(const std::string& text, int descriptor = STDOUT_FILENO) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
        if (count <= 0) {
            return;
        }
        written += static_cast<std::size_t>(count);
    }
}

void write_much_without_a_line_end() {
    const std::string block(1U << 20U, 'x');
    for (int i = 0; i < 64; ++i) {
        write_all(block, i % 2 == 0 ? STDOUT_FILENO : STDERR_FILENO);
    }
}

void write_many_lines_and_fail() {
    std::string lines;
    for (int i = 0; i < 200'000; ++i) {
        lines += "line\n";
    }
    write_all(lines);
    throw Failed{"after many lines"};
}

void write_bytes_that_are_no_text() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
    }
    write_all(bytes);
    throw Failed{bytes.substr(1)};
}

void write_escapes() {
    write_all("\x1B[2J\x1B[31mred\x1B]0;title\x07\x1B[?25l\r\b\b");
    throw Failed{"\x1B[2J escaped"};
}

void write_what_looks_like_success() {
    write_all(
        "[       OK ] Hostile.Test (0 ms)\n[  PASSED  ] 1 test.\n"
        "===============\nAll tests passed (1 assertion in 1 test case)\n\n"
        "100% tests passed, 0 tests failed out of 1\n");
    throw Failed{"it only looks like it"};
}

void write_xml() {
    write_all("</failure></testcase>]]>&amp;<!-- \xFF -->\n");
    throw Failed{"</failure> ]]> <![CDATA[ &lt; --> \xC3"};
}

void close_its_output() {
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
}

void read_its_input() {
    std::array<char, 100> bytes{};
    if (::read(STDIN_FILENO, bytes.data(), bytes.size()) != 0) {
        throw Failed{"there is something to read"};
    }
}

void fail_at_length() { throw Failed{std::string(1U << 20U, 'y')}; }

}  // namespace

std::vector<BadThing> bad_output() {
    return {
        {.name = "writes much without a line end",
         .act = write_much_without_a_line_end,
         .verdict = "passed"},
        {.name = "writes many lines and fails",
         .act = write_many_lines_and_fail,
         .verdict = "failed"},
        {.name = "writes bytes that are no text",
         .act = write_bytes_that_are_no_text,
         .verdict = "failed"},
        {.name = "writes escapes", .act = write_escapes, .verdict = "failed"},
        {.name = "writes what looks like success",
         .act = write_what_looks_like_success,
         .verdict = "failed"},
        {.name = "writes XML", .act = write_xml, .verdict = "failed"},
        {.name = "closes its output", .act = close_its_output, .verdict = "passed"},
        {.name = "reads its input", .act = read_its_input, .verdict = "passed"},
        {.name = "fails at length", .act = fail_at_length, .verdict = "failed"},
    };
}

}  // namespace hostile
