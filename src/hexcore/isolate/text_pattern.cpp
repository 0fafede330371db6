#include "hexcore/isolate/text_pattern.hpp"

#include <locale.h>
#include <regex.h>

#include <array>
#include <cctype>

namespace hexcore {
namespace {

/// The thread's locale is "C" meanwhile: in one of UTF-8 a `.` would not fit a byte that is none.
class InPlainLocale {
public:
    InPlainLocale() : plain_(::newlocale(LC_ALL_MASK, "C", nullptr)) {
        if (plain_ != nullptr) {
            before_ = ::uselocale(plain_);
        }
    }
    ~InPlainLocale() {
        if (plain_ != nullptr) {
            ::uselocale(before_);
            ::freelocale(plain_);
        }
    }
    InPlainLocale(const InPlainLocale&) = delete;
    InPlainLocale& operator=(const InPlainLocale&) = delete;

private:
    locale_t plain_;
    locale_t before_ = nullptr;
};

/// Copies `[...]` from `i`, which comes to stand at its end.
void copy_brackets(const std::string& text, std::size_t& i, std::string& expression) {
    expression += text[i++];
    if (i < text.size() && text[i] == '^') {
        expression += text[i++];
    }
    if (i < text.size() && text[i] == ']') {
        expression += text[i++];
    }
    while (i < text.size() && text[i] != ']') {
        expression += text[i++];
    }
    if (i < text.size()) {
        expression += ']';
    }
}

std::string posix_of_cmake(const std::string& text) {
    std::string expression;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char byte = text[i];
        if (byte == '[') {
            copy_brackets(text, i, expression);
        } else if (byte == '{' || byte == '}') {
            expression += std::string("\\") + byte;
        } else if (byte == '\\' && i + 1 < text.size()) {
            const char next = text[++i];
            const bool has_meaning_escaped =
                std::isalnum(static_cast<unsigned char>(next)) != 0 ||
                std::string_view("<>`'").find(next) != std::string_view::npos;
            expression += has_meaning_escaped ? std::string(1, next) : std::string("\\") + next;
        } else {
            expression += byte;
        }
    }
    return expression;
}

}  // namespace

struct TextPattern::Compiled {
    regex_t expression{};
    bool is_made = false;

    Compiled() = default;
    Compiled(const Compiled&) = delete;
    Compiled& operator=(const Compiled&) = delete;
    ~Compiled() {
        if (is_made) {
            ::regfree(&expression);
        }
    }
};

Result<TextPattern> TextPattern::make(const std::string& text) { return compile(text, text); }

Result<TextPattern> TextPattern::make_of_cmake(const std::string& text) {
    return compile(posix_of_cmake(text), text);
}

Result<TextPattern> TextPattern::compile(const std::string& expression, const std::string& text) {
    auto compiled = std::make_shared<Compiled>();
    const InPlainLocale plain;
    const int wrong =
        ::regcomp(&compiled->expression, expression.c_str(), REG_EXTENDED | REG_NOSUB);
    if (wrong != 0) {
        std::array<char, 128> why{};
        ::regerror(wrong, &compiled->expression, why.data(), why.size());
        return fail(ErrorCode::usage, "'{}' is no regular expression: {}", text, why.data());
    }
    compiled->is_made = true;
    return TextPattern(std::move(compiled), text);
}

bool TextPattern::is_in(std::string_view text) const {
    regmatch_t range{};
    range.rm_so = 0;
    range.rm_eo = static_cast<regoff_t>(text.size());
    return ::regexec(&compiled_->expression, text.data() == nullptr ? "" : text.data(), 1, &range,
                     REG_STARTEND) == 0;
}

}  // namespace hexcore
