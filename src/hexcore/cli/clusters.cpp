#include "hexcore/cli/clusters.hpp"

#include <cwchar>
#include <cwctype>
#include <utility>

#include "hexcore/cli/code_points.hpp"

namespace hexcore {
namespace {

// What stands in has to be as wide as what it stands for, by the C library's tables, since the
// editor asks those. For one column it is of the second plane for private use; for two, of Tangut,
// which nobody has written for 500 years. Whoever does gets stand-ins as well.
struct Range {
    wchar_t first;
    wchar_t last;
};
constexpr Range narrow{0x100000, 0x10FFFD};
constexpr Range wide{0x17000, 0x187F7};

bool is_in(wchar_t code, Range range) { return code >= range.first && code <= range.last; }

}  // namespace

bool Clusters::is_mark(wchar_t code) { return code > 0x9F && ::wcwidth(code) == 0; }

std::wstring Clusters::edited(std::string_view text) {
    std::wstring result;
    for (const wchar_t code : CodePoints::of(text)) {
        if (is_mark(code)) {
            const wchar_t before = result.empty() ? L'\n' : result.back();
            const bool joins = std::iswcntrl(static_cast<wint_t>(before)) == 0;
            if (const wchar_t joined = with_mark(joins ? before : 0, code)) {
                if (joins) {
                    result.pop_back();
                }
                result += joined;
                continue;
            }
        }
        result += character(code);
    }
    return result;
}

std::string Clusters::text(std::wstring_view edited) const {
    std::string result;
    for (const wchar_t character : edited) {
        if (const std::wstring* cluster = cluster_of(character)) {
            append_utf8(result, *cluster);
        } else {
            append_utf8(result, {&character, 1});
        }
    }
    return result;
}

std::string Clusters::shown(std::wstring_view edited) const {
    std::string result;
    for (const wchar_t character : edited) {
        const std::wstring* cluster = cluster_of(character);
        if (cluster != nullptr && is_mark(cluster->front())) {
            append_utf8(result, L"\u25CC");
        }
        result += text({&character, 1});
    }
    return result;
}

wchar_t Clusters::with_mark(wchar_t character, wchar_t mark) {
    std::wstring cluster;
    if (const std::wstring* before = cluster_of(character)) {
        cluster = *before;
    } else if (character != 0) {
        cluster = character;
    }
    return stand_in(cluster + mark);
}

wchar_t Clusters::character(wchar_t code) {
    if (code == 0) {  // ends a text for libedit
        return L'\uFFFD';
    }
    if (!is_in(code, narrow) && !is_in(code, wide)) {
        return code;
    }
    const wchar_t standing_in = stand_in({code});
    return standing_in == 0 ? L'\uFFFD' : standing_in;
}

wchar_t Clusters::stand_in(const std::wstring& cluster) {
    if (const auto known = known_.find(cluster); known != known_.end()) {
        return known->second;
    }
    const bool is_wide = ::wcwidth(cluster.front()) == 2;
    std::vector<std::wstring>& taken = is_wide ? wide_ : narrow_;
    const Range range = is_wide ? wide : narrow;
    const wchar_t next = range.first + static_cast<wchar_t>(taken.size());
    if (next > range.last) {
        return 0;
    }
    taken.push_back(cluster);
    known_.emplace(cluster, next);
    return next;
}

const std::wstring* Clusters::cluster_of(wchar_t character) const {
    for (const auto& [range, taken] : {std::pair{narrow, &narrow_}, std::pair{wide, &wide_}}) {
        if (is_in(character, range)) {
            const auto number = static_cast<std::size_t>(character - range.first);
            return number < taken->size() ? &(*taken)[number] : nullptr;
        }
    }
    return nullptr;
}

}  // namespace hexcore
