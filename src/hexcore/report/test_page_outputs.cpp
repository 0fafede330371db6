#include "hexcore/report/test_page_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/page_data.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_of_failed = 200'000;
constexpr std::size_t longest_of_others = 4000;
constexpr std::size_t shortest = 600;
constexpr std::size_t around = 60;  ///< quotes, and the words about what is left out

/// An attempt with output: of which result, and which of its attempts.
struct Place {
    std::size_t result = 0;
    std::size_t attempt = 0;
};

/// Those that somebody will look for, or all others.
std::vector<Place> places_of(const std::vector<const TestResult*>& results, bool looked_for) {
    std::vector<Place> places;
    for (std::size_t r = 0; r < results.size(); ++r) {
        const TestResult& result = *results[r];
        if ((is_failure(result.verdict) || result.attempts.size() > 1) != looked_for) {
            continue;
        }
        for (std::size_t a = 0; a < result.attempts.size(); ++a) {
            if (!result.attempts[a].output.empty()) {
                places.push_back({r, a});
            }
        }
    }
    return places;
}

/// The start and, twice as much, the end of a long output, as lines.
std::string lines_of_ends(std::string_view output, std::size_t most) {
    if (output.size() <= most) {
        return output_lines(output);
    }
    const std::size_t start = most / 3;
    const std::size_t end = output.size() - (most - start);
    // A character that is cut here becomes a `?`.
    return fmt::format("{}\n... {} bytes are left out here ...\n{}",
                       output_lines(output.substr(0, start)), end - start,
                       output_lines(output.substr(end)));
}

/// As much of the output as takes `most` bytes within the page.
Json text_for(std::string_view output, std::size_t most) {
    const std::size_t bytes = std::min(output.size(), most - around);
    Json text = lines_of_ends(output, bytes);
    const std::size_t taken = bytes_within_page(text);
    // Line ends take two bytes there, and letters up to six.
    return taken <= most ? text : Json(lines_of_ends(output, bytes * (most - around) / taken));
}

}  // namespace

std::size_t add_outputs(Json& rows, const std::vector<const TestResult*>& results,
                        std::size_t room_bytes) {
    std::size_t left_out = 0;
    for (const bool looked_for : {true, false}) {
        const std::vector<Place> places = places_of(results, looked_for);
        const std::size_t most =
            std::clamp(room_bytes / std::max<std::size_t>(places.size(), 1), shortest,
                       looked_for ? longest_of_failed : longest_of_others);
        for (const auto& [result, attempt] : places) {
            Json text = text_for(results[result]->attempts[attempt].output, most);
            const std::size_t bytes = bytes_within_page(text);
            if (bytes > room_bytes) {
                ++left_out;
                continue;
            }
            room_bytes -= bytes;
            rows[result]["attempts"][attempt]["output"] = std::move(text);
        }
    }
    return left_out;
}

}  // namespace hexcore
