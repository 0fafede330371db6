#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// A line that is edited, as code points, and where the cursor is.
struct EditedLine {
    std::wstring text;
    std::size_t cursor = 0;

    bool operator==(const EditedLine& other) const = default;
};

/// Long texts within a line that is edited. Each is shown as a label, such as "[42 lines: Dear all
/// ...]", which is moved over and deleted as one.
class Folds {
public:
    /// The label for a text, of which it shows a part: `beginning`, on one line.
    [[nodiscard]] std::wstring label_of(const std::string& text, std::wstring_view beginning);

    [[nodiscard]] bool empty() const { return folds_.empty(); }

    /// A part of a line: a label, or what lies between two.
    struct Part {
        std::size_t begin;
        std::size_t end;
        const std::string* folded;  ///< the text of the label; null: it is none
    };
    /// The whole line in parts.
    [[nodiscard]] std::vector<Part> parts_of(std::wstring_view line) const;

    /// What an edit that knew nothing of labels should have done: one of which it left a part is
    /// gone, and a cursor that it put into one stands at the end towards which it went.
    [[nodiscard]] EditedLine mended(const EditedLine& before, const EditedLine& now) const;

private:
    struct Fold {
        std::wstring label;
        std::string text;
    };
    std::vector<Fold> folds_;
};

}  // namespace hexcore
