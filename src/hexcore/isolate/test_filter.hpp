#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// Which tests are meant, in a small language (docs/testing.md, "Choosing tests"):
///
///     expression := all ("or" all)*            parse or plan
///     all        := one ("and" one)*           parse and not tag:slow
///     one        := "not" one | "(" expression ")" | "tag:" WORD | "=" WORD | /EXPRESSION/ | WORD
///
/// A word is a part of the id or, where it has a `*`, fits all of it; one with blanks or brackets
/// is put in quotes. `=` is the whole id, and takes a `*` for what it is. Between slashes is an
/// extended regular expression. A tag has to fit as a whole.
class TestFilter {
public:
    /// Fails with ErrorCode::usage for what cannot be read, and says where.
    [[nodiscard]] static Result<TestFilter> parse(const std::string& text);

    [[nodiscard]] bool fits(const TestCase& test) const;

    struct Node;

private:
    explicit TestFilter(std::shared_ptr<const Node> root) : root_(std::move(root)) {}

    std::shared_ptr<const Node> root_;  ///< shared, so that it can be copied; it never changes
};

/// Whether `pattern`, in which `*` stands for any bytes, fits all of `text`.
[[nodiscard]] bool fits_glob(std::string_view pattern, std::string_view text);

}  // namespace hexcore
