#include "hexcore/cli/history_search.hpp"

#include "hexcore/cli/code_points.hpp"

namespace hexcore {
namespace {

constexpr wchar_t delete_key = 0x7F;

}  // namespace

HistorySearch::Step HistorySearch::take(const Key& key) {
    switch (key.code) {
        case control('R'):
            look(found_);
            return Step::on;
        case control('G'):
            return Step::cancel;
        case control('H'):
        case delete_key:
            if (!part_.empty()) {
                part_.pop_back();
            }
            look(0);
            return Step::on;
        default:
            break;
    }
    if (key.code < L' ' || (key.code >= key_paste && key.code <= 0x9F)) {
        return Step::end;
    }
    part_ += key.code;
    // What was found may contain this, too.
    look(found_ == 0 ? 0 : found_ - 1);
    return Step::on;
}

std::string HistorySearch::part() const {
    std::string text;
    append_utf8(text, part_);
    return text;
}

void HistorySearch::look(std::size_t behind) {
    if (part_.empty()) {
        found_ = 0;
        failed_ = false;
        return;
    }
    const auto number = history_->find(part(), behind);
    failed_ = !number;
    found_ = number.value_or(found_);
}

}  // namespace hexcore
