#include "hexcore/cli/folds.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {
namespace {

using Part = Folds::Part;

/// "42 lines", or "9000 bytes" of one line.
std::wstring size_of(const std::string& text) {
    const auto ends = std::ranges::count(text, '\n');
    const auto lines = ends + (text.ends_with('\n') ? 0 : 1);
    return lines > 1 ? std::to_wstring(lines) + L" lines"
                     : std::to_wstring(text.size()) + L" bytes";
}

bool same_label(const Part& a, const Part& b) { return a.folded == b.folded; }

/// Whether `now` has fewer of that label than `before`.
bool is_fewer(const Part& label, const std::vector<Part>& before, const std::vector<Part>& now) {
    const auto is_it = [&](const Part& part) { return same_label(part, label); };
    return std::ranges::count_if(now, is_it) < std::ranges::count_if(before, is_it);
}

}  // namespace

std::wstring Folds::label_of(const std::string& text, std::wstring_view beginning) {
    constexpr std::size_t most_shown = 24;
    const auto known = std::ranges::find(folds_, text, &Fold::text);
    if (known != folds_.end()) {
        return known->label;
    }
    const std::wstring inner =
        size_of(text) + L": " + std::wstring(beginning.substr(0, most_shown)) + L" ...";
    std::wstring label = L"[" + inner + L"]";
    for (int number = 2; std::ranges::find(folds_, label, &Fold::label) != folds_.end(); ++number) {
        label = L"[" + inner + L" " + std::to_wstring(number) + L"]";
    }
    folds_.push_back({label, text});
    return label;
}

std::vector<Part> Folds::parts_of(std::wstring_view line) const {
    std::vector<Part> parts;
    std::size_t plain = 0;
    const auto add_plain_until = [&](std::size_t end) {
        if (end > plain) {
            parts.push_back({plain, end, nullptr});
        }
    };
    for (std::size_t at = 0; (at = line.find(L'[', at)) != std::wstring_view::npos;) {
        const auto fold = std::ranges::find_if(
            folds_, [&](const Fold& each) { return line.substr(at).starts_with(each.label); });
        if (fold == folds_.end()) {
            ++at;
            continue;
        }
        add_plain_until(at);
        plain = at + fold->label.size();
        parts.push_back({at, plain, &fold->text});
        at = plain;
    }
    add_plain_until(line.size());
    return parts;
}

EditedLine Folds::mended(const EditedLine& before, const EditedLine& now) const {
    const std::vector<Part> old_parts = parts_of(before.text);
    const std::vector<Part> new_parts = parts_of(now.text);
    // What was edited lies between what both begin and end with.
    const auto parting = std::ranges::mismatch(before.text, now.text);
    const auto begin = static_cast<std::size_t>(parting.in1 - before.text.begin());
    std::size_t tail = 0;
    const std::size_t most = std::min(before.text.size(), now.text.size()) - begin;
    while (tail < most && before.text.rbegin()[static_cast<std::ptrdiff_t>(tail)] ==
                              now.text.rbegin()[static_cast<std::ptrdiff_t>(tail)]) {
        ++tail;
    }
    EditedLine result = now;
    const auto erase = [&result](std::size_t from, std::size_t to) {
        result.text.erase(from, to - from);
        result.cursor =
            result.cursor >= to ? result.cursor - (to - from) : std::min(result.cursor, from);
    };
    const std::size_t old_end = before.text.size() - tail;
    const std::size_t new_end = now.text.size() - tail;
    for (const Part& part : std::vector<Part>(old_parts.rbegin(), old_parts.rend())) {
        const bool touched = part.begin < old_end && part.end > begin;
        if (part.folded == nullptr || !touched || !is_fewer(part, old_parts, new_parts)) {
            continue;
        }
        if (part.end > old_end) {
            erase(new_end, new_end + (part.end - old_end));
        }
        if (part.begin < begin) {
            erase(part.begin, begin);
        }
    }
    for (const Part& part : parts_of(result.text)) {
        if (part.folded != nullptr && result.cursor > part.begin && result.cursor < part.end) {
            result.cursor = now.cursor < before.cursor ? part.begin : part.end;
        }
    }
    return result;
}

}  // namespace hexcore
