#include "hexcore/report/line_chart.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace hexcore {
namespace {

/// A field of dots, all unset.
class Dots {
public:
    Dots(std::size_t columns, std::size_t rows)
        : columns_(columns), set_(columns * rows, std::uint8_t{0}) {}

    [[nodiscard]] bool at(std::size_t x, std::size_t y) const {
        return x < columns_ && set_[y * columns_ + x] != 0;
    }
    /// From `low` to `high`, both included.
    void draw_upright(std::size_t x, std::size_t low, std::size_t high) {
        for (std::size_t y = low; y <= high; ++y) {
            set_[y * columns_ + x] = 1;
        }
    }

private:
    std::size_t columns_;
    std::vector<std::uint8_t> set_;
};

/// Rows of dots from the top, a column a value; a line that has no gaps between neighbours.
Dots draw(const std::vector<std::optional<double>>& values, double least, double most,
          std::size_t rows) {
    Dots dots(values.size(), rows);
    bool has_before = false;
    std::size_t before = 0;
    for (std::size_t x = 0; x < values.size(); ++x) {
        if (!values[x]) {
            has_before = false;
            continue;
        }
        const double share = std::clamp((*values[x] - least) / (most - least), 0.0, 1.0);
        const auto y =
            rows - 1 - static_cast<std::size_t>(std::lround(share * static_cast<double>(rows - 1)));
        std::size_t low = y;
        std::size_t high = y;
        if (has_before && before > y) {
            high = before - 1;
        } else if (has_before && before < y) {
            low = before + 1;
        }
        dots.draw_upright(x, low, high);
        before = y;
        has_before = true;
    }
    return dots;
}

/// U+2800 and the dots of a cell of two by four, as UTF-8.
std::string braille(const Dots& dots, std::size_t column, std::size_t row) {
    constexpr std::array<std::array<unsigned, 4>, 2> bits{
        {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};
    unsigned cell = 0;
    for (std::size_t x = 0; x < 2; ++x) {
        for (std::size_t y = 0; y < 4; ++y) {
            cell |= dots.at(column * 2 + x, row * 4 + y) ? bits[x][y] : 0U;
        }
    }
    if (cell == 0) {
        return " ";
    }
    return {'\xE2', static_cast<char>(0xA0U | (cell >> 6U)),
            static_cast<char>(0x80U | (cell & 0x3FU))};
}

}  // namespace

std::size_t values_a_column(Charset charset) { return charset == Charset::unicode ? 2 : 1; }

std::vector<std::string> line_chart(const std::vector<std::optional<double>>& values, double least,
                                    double most, std::size_t rows, Charset charset) {
    const bool unicode = charset == Charset::unicode;
    const std::size_t columns =
        (values.size() + values_a_column(charset) - 1) / values_a_column(charset);
    const Dots dots = draw(values, least, most, unicode ? rows * 4 : rows);
    std::vector<std::string> lines(rows);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t column = 0; column < columns; ++column) {
            lines[row] += unicode ? braille(dots, column, row) : dots.at(column, row) ? "*" : " ";
        }
    }
    return lines;
}

}  // namespace hexcore
