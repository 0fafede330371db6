#include "hexcore/isolate/test_filter.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "hexcore/isolate/text_pattern.hpp"

namespace hexcore {

struct TestFilter::Node {
    enum class Kind { any_of, all_of, none_of, part, glob, whole, pattern, tag };
    Kind kind = Kind::part;
    std::vector<std::shared_ptr<const Node>> inner = {};  ///< of the first three
    std::string text = {};
    std::optional<TextPattern> pattern = {};
};

namespace {

using Node = TestFilter::Node;
using NodePointer = std::shared_ptr<const Node>;

/// Deeper brackets are nobody's.
constexpr int depth_max = 100;

bool node_fits(const Node& node, const TestCase& test) {
    const auto inner_fits = [&test](const NodePointer& inner) { return node_fits(*inner, test); };
    switch (node.kind) {
        case Node::Kind::any_of:
            return std::ranges::any_of(node.inner, inner_fits);
        case Node::Kind::all_of:
            return std::ranges::all_of(node.inner, inner_fits);
        case Node::Kind::none_of:
            return std::ranges::none_of(node.inner, inner_fits);
        case Node::Kind::part:
            return test.id.find(node.text) != std::string::npos;
        case Node::Kind::glob:
            return fits_glob(node.text, test.id);
        case Node::Kind::whole:
            return test.id == node.text;
        case Node::Kind::pattern:
            return node.pattern->is_in(test.id);
        case Node::Kind::tag:
            return std::ranges::any_of(
                test.tags, [&node](const std::string& tag) { return fits_glob(node.text, tag); });
    }
    return false;
}

/// Reads an expression from left to right.
class FilterReader {
public:
    explicit FilterReader(const std::string& text) : text_(text) {}

    Result<NodePointer> read() {
        HEXCORE_TRY(node, read_any(0));
        skip_blanks();
        if (at_ < text_.size()) {
            return wrong("expected `and`, `or` or the end");
        }
        return node;
    }

private:
    [[nodiscard]] tl::unexpected<Error> wrong(const char* what) const {
        return fail(ErrorCode::usage, "the filter '{}' cannot be read at column {}: {}", text_,
                    at_ + 1, what);
    }
    void skip_blanks() { at_ = std::min(text_.find_first_not_of(" \t\n\r", at_), text_.size()); }
    [[nodiscard]] bool is_at(char wanted) const {
        return at_ < text_.size() && text_[at_] == wanted;
    }

    /// Takes `word` where it stands alone.
    bool take_word(std::string_view word) {
        skip_blanks();
        const std::size_t end = at_ + word.size();
        if (text_.compare(at_, word.size(), word) != 0 ||
            (end < text_.size() &&
             std::string_view(" \t\n\r(").find(text_[end]) == std::string_view::npos)) {
            return false;
        }
        at_ = end;
        return true;
    }

    Result<NodePointer> read_any(int depth) { return read_list(depth, "or", Node::Kind::any_of); }

    Result<NodePointer> read_list(int depth, std::string_view between, Node::Kind kind) {
        Node list{.kind = kind};
        do {
            HEXCORE_TRY(inner, kind == Node::Kind::any_of
                                   ? read_list(depth, "and", Node::Kind::all_of)
                                   : read_one(depth));
            list.inner.push_back(std::move(inner));
        } while (take_word(between));
        if (list.inner.size() == 1) {
            return std::move(list.inner.front());
        }
        return std::make_shared<const Node>(std::move(list));
    }

    Result<NodePointer> read_one(int depth) {
        if (depth > depth_max) {
            return wrong("too many brackets");
        }
        if (take_word("not")) {
            HEXCORE_TRY(inner, read_one(depth + 1));
            return std::make_shared<const Node>(
                Node{.kind = Node::Kind::none_of, .inner = {std::move(inner)}});
        }
        if (is_at('(')) {
            ++at_;
            HEXCORE_TRY(inner, read_any(depth + 1));
            skip_blanks();
            if (!is_at(')')) {
                return wrong("expected `)`");
            }
            ++at_;
            return inner;
        }
        return read_leaf();
    }

    Result<NodePointer> read_leaf() {
        if (is_at('/')) {
            return read_pattern();
        }
        Node leaf{.kind = Node::Kind::part};
        if (is_at('=')) {
            leaf.kind = Node::Kind::whole;
            ++at_;
        } else if (text_.compare(at_, 4, "tag:") == 0) {
            leaf.kind = Node::Kind::tag;
            at_ += 4;
        }
        HEXCORE_TRY(word, read_word());
        if (leaf.kind == Node::Kind::part && word.find('*') != std::string::npos) {
            leaf.kind = Node::Kind::glob;
        }
        leaf.text = std::move(word);
        return std::make_shared<const Node>(std::move(leaf));
    }

    /// In quotes, where a backslash takes the meaning off what follows, or up to a blank or
    /// bracket.
    Result<std::string> read_word() {
        std::string word;
        if (!is_at('"')) {
            const std::size_t end = std::min(text_.find_first_of(" \t\n\r()", at_), text_.size());
            word = text_.substr(at_, end - at_);
            if (word.empty() || word == "and" || word == "or" || word == "not") {
                return wrong(
                    "expected a test, `tag:`, `=` or `/`; put words that are `and`, `or` "
                    "or `not` in quotes");
            }
            at_ = end;
            return word;
        }
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
            at_ += text_[at_] == '\\' && at_ + 1 < text_.size() ? 1 : 0;
            word += text_[at_];
        }
        if (at_ == text_.size()) {
            return wrong("the quotes are not closed");
        }
        ++at_;
        return word;
    }

    Result<NodePointer> read_pattern() {
        std::string expression;
        for (++at_; at_ < text_.size() && text_[at_] != '/'; ++at_) {
            if (text_.compare(at_, 2, "\\/") == 0) {
                ++at_;
            }
            expression += text_[at_];
        }
        if (at_ == text_.size()) {
            return wrong("the regular expression does not end with `/`");
        }
        ++at_;
        HEXCORE_TRY(pattern, TextPattern::make(expression));
        return std::make_shared<const Node>(
            Node{.kind = Node::Kind::pattern, .pattern = std::move(pattern)});
    }

    const std::string& text_;
    std::size_t at_ = 0;
};

}  // namespace

bool fits_glob(std::string_view pattern, std::string_view text) {
    std::size_t at = 0;
    std::size_t in = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (in < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            resume = in;
        } else if (at < pattern.size() && pattern[at] == text[in]) {
            ++at;
            ++in;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') {
        ++at;
    }
    return at == pattern.size();
}

Result<TestFilter> TestFilter::parse(const std::string& text) {
    HEXCORE_TRY(root, FilterReader(text).read());
    return TestFilter(std::move(root));
}

bool TestFilter::fits(const TestCase& test) const { return node_fits(*root_, test); }

}  // namespace hexcore
