#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/isolate/bytes_json.hpp"
#include "hexcore/isolate/told_tests.hpp"

namespace hexcore {
namespace {

/// No test's name is that long, and no program has so many devices.
constexpr std::size_t longest_line = std::size_t{64} << 10U;

std::optional<Bytes> size_in(const nlohmann::json& object, const char* key) {
    const nlohmann::json& value = member(object, key);
    return value.is_number_unsigned() ? std::optional(Bytes(value.get<std::uint64_t>()))
                                      : std::nullopt;
}

ToldLevels::Levels levels_in(const nlohmann::json& message) {
    using Basis = MemoryLevel::Basis;
    ToldLevels::Levels told{size_in(message, "resident_bytes"), {}};
    if (told.resident) {
        told.levels.push_back({"host", *told.resident, Basis::sampled});
    }
    if (const auto allocated = size_in(message, "allocated_bytes")) {
        told.levels.push_back({"host", *allocated, Basis::exact});
    }
    for (const nlohmann::json& device : elements(member(message, "devices"))) {
        const std::string name = bytes_of(member(device, "name"));
        const auto bytes = size_in(device, "bytes");
        if (!name.empty() && bytes) {
            told.levels.push_back({name, *bytes, Basis::exact});
        }
    }
    return told;
}

}  // namespace

void ToldLevels::take(std::string_view text) {
    unread_ += text;
    std::size_t begin = 0;
    for (std::size_t end = unread_.find('\n'); end != std::string::npos;
         end = unread_.find('\n', begin)) {
        take_line(std::string_view(unread_).substr(begin, end - begin));
        begin = end + 1;
    }
    unread_.erase(0, begin);
    if (unread_.size() > longest_line) {
        unread_.clear();
    }
}

void ToldLevels::take_line(std::string_view line) {
    const nlohmann::json message = bytes_json(line);
    if (const std::string test = bytes_of(member(message, "begin")); !test.empty()) {
        begins_[test].push_back(levels_in(message));
    } else if (const std::string over = bytes_of(member(message, "end")); !over.empty()) {
        ends_[over].push_back(levels_in(message));
    }
}

std::optional<ToldLevels::Levels> ToldLevels::take_from(Queues& queues, const std::string& test) {
    const auto found = queues.find(test);
    if (found == queues.end()) {
        return std::nullopt;
    }
    std::optional<Levels> first(std::move(found->second.front()));
    found->second.pop_front();
    if (found->second.empty()) {
        queues.erase(found);
    }
    return first;
}

std::optional<ToldLevels::Levels> ToldLevels::take_begin(const std::string& test) {
    return take_from(begins_, test);
}
std::optional<ToldLevels::Levels> ToldLevels::take_end(const std::string& test) {
    return take_from(ends_, test);
}

}  // namespace hexcore
