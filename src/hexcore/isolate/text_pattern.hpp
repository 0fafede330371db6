#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// An extended regular expression of POSIX, as `grep -E` has it, over bytes: those of the C
/// library, since the ones of the standard C++ library overflow the stack on long outputs.
class TextPattern {
public:
    /// Fails with ErrorCode::usage for what is none, and says where it was written as `text`.
    [[nodiscard]] static Result<TextPattern> make(const std::string& text);
    /// The same of CMake's own kind of regular expressions, in which braces mean themselves and a
    /// backslash takes the meaning off whatever follows it.
    [[nodiscard]] static Result<TextPattern> make_of_cmake(const std::string& text);

    /// Whether it fits anywhere in `text`, which may hold any bytes.
    [[nodiscard]] bool is_in(std::string_view text) const;
    [[nodiscard]] const std::string& text() const { return text_; }  ///< as it was written

private:
    struct Compiled;
    TextPattern(std::shared_ptr<const Compiled> compiled, std::string text)
        : compiled_(std::move(compiled)), text_(std::move(text)) {}
    static Result<TextPattern> compile(const std::string& expression, const std::string& text);

    /// Shared: it never changes, so copies of a rule can have one.
    std::shared_ptr<const Compiled> compiled_;
    std::string text_;
};

}  // namespace hexcore
