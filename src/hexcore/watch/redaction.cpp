#include "hexcore/watch/redaction.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace hexcore {
namespace {

constexpr std::string_view hidden = "***";

bool is_letter_or_digit(char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0;
}
bool is_of_a_name(char letter) {
    return is_letter_or_digit(letter) || letter == '-' || letter == '_' || letter == '.';
}
bool ends_a_value(char letter) {
    return std::isspace(static_cast<unsigned char>(letter)) != 0 || letter == '\'' ||
           letter == '"' || letter == '&' || letter == ';' || letter == ',';
}

/// The parts of `--client-secret`, `CLIENT_SECRET` and `clientSecret`, in lower case.
std::vector<std::string> parts_of(std::string_view name) {
    std::vector<std::string> parts(1);
    char before = '\0';
    for (const char letter : name) {
        const auto byte = static_cast<unsigned char>(letter);
        const bool is_hump =
            std::isupper(byte) != 0 && std::islower(static_cast<unsigned char>(before)) != 0;
        if ((is_hump || !is_letter_or_digit(letter)) && !parts.back().empty()) {
            parts.emplace_back();
        }
        if (is_letter_or_digit(letter)) {
            parts.back() += static_cast<char>(std::tolower(byte));
        }
        before = letter;
    }
    return parts;
}

/// Whether what is called so is one: `hf_token`, `PGPASSWORD`, `--api-key`, but not `--tokenizer`.
bool names_a_secret(std::string_view name) {
    constexpr std::array<std::string_view, 6> endings{"password", "passwd", "passphrase",
                                                      "secret",   "token",  "apikey"};
    constexpr std::array<std::string_view, 9> secrets{"pass",   "pwd",           "secrets",
                                                      "cookie", "credential",    "credentials",
                                                      "auth",   "authorization", "bearer"};
    constexpr std::array<std::string_view, 5> kinds_of_keys{"api", "access", "private", "secret",
                                                            "auth"};
    const auto is_in = [](const auto& list, std::string_view part) {
        return std::find(list.begin(), list.end(), part) != list.end();
    };
    const std::vector<std::string> parts = parts_of(name);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const std::string& part = parts[i];
        const bool ends = std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
            return part.ends_with(ending);
        });
        if (ends || is_in(secrets, part) ||
            (i > 0 && part == "key" && is_in(kinds_of_keys, parts[i - 1]))) {
            return true;
        }
    }
    return false;
}

bool looks_random(std::string_view word) {
    constexpr std::array<std::string_view, 12> beginnings{"sk-",         "hf_",    "ghp_", "gho_",
                                                          "github_pat_", "glpat-", "xox",  "AKIA",
                                                          "ASIA",        "AIza",   "eyJ",  "pypi-"};
    constexpr std::size_t shortest_token = 16;
    constexpr std::size_t shortest_random = 32;
    constexpr std::ptrdiff_t fewest_digits = 3;
    const auto begins = [word](std::string_view begin) { return word.starts_with(begin); };
    if (word.size() >= shortest_token &&
        std::any_of(beginnings.begin(), beginnings.end(), begins)) {
        return true;
    }
    const auto has = [word](int (*is)(int)) {
        return std::any_of(word.begin(), word.end(), [is](char letter) {
            return is(static_cast<unsigned char>(letter)) != 0;
        });
    };
    const auto digits = std::count_if(word.begin(), word.end(), [](char letter) {
        return std::isdigit(static_cast<unsigned char>(letter)) != 0;
    });
    return word.size() >= shortest_random && digits >= fewest_digits && has(std::isupper) &&
           has(std::islower) && word.find('.') == std::string_view::npos;
}

/// Goes through a text once, and hides values as it meets what names them.
class Redactor {
public:
    explicit Redactor(std::string_view text) : text_(text) {}

    std::string result() {
        while (at_ < text_.size()) {
            if (text_.substr(at_).starts_with("://")) {
                copy(3);
                hide_user();
            } else if (is_of_a_name(text_[at_])) {
                name();
            } else {
                copy(1);
            }
        }
        return result_;
    }

private:
    void copy(std::size_t count) {
        result_ += text_.substr(at_, count);
        at_ += count;
    }
    [[nodiscard]] std::size_t end_of(bool (*is_in)(char)) const {
        const auto end =
            std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.end(), is_in);
        return static_cast<std::size_t>(end - text_.begin());
    }
    /// What comes next, blanks and a quote before it left out; in quotes all that is.
    void hide_value() {
        char quote = '\0';
        while (at_ < text_.size() && (ends_a_value(text_[at_]) || text_[at_] == '\\')) {
            quote = text_[at_] == '"' || text_[at_] == '\'' ? text_[at_] : quote;
            copy(1);
        }
        keep_scheme();
        result_ += hidden;
        at_ = quote == '\0' ? end_of([](char letter) { return !ends_a_value(letter); })
                            : std::min(text_.find(quote, at_), text_.size());
    }
    /// USER:PASSWORD@ of a URL.
    void hide_user() {
        const std::size_t end = end_of(
            [](char letter) { return letter != '/' && letter != '?' && !ends_a_value(letter); });
        const std::size_t at_sign = text_.substr(0, end).rfind('@');
        if (at_sign != std::string_view::npos && at_sign >= at_) {
            result_ += hidden;
            at_ = at_sign;
        }
    }
    void name() {
        const std::size_t end = end_of(is_of_a_name);
        const std::string_view word = text_.substr(at_, end - at_);
        if (looks_random(word)) {
            result_ += hidden;
            at_ = end;
            return;
        }
        copy(word.size());
        const std::size_t value = std::min(text_.find_first_not_of(" \"'\\", at_), text_.size());
        const bool is_given = value < text_.size() &&
                              (text_[value] == '=' || text_[value] == ':') &&
                              !text_.substr(value).starts_with("://");
        if (is_given && names_a_secret(word)) {
            copy(value + 1 - at_);
            hide_value();
        } else if (word == "Bearer" || word == "Basic" || word == "bearer") {
            hide_value();
        }
    }
    /// `Authorization: Bearer VALUE`: the scheme is none.
    void keep_scheme() {
        for (const std::string_view scheme : {"Bearer ", "Basic ", "bearer ", "token "}) {
            if (text_.substr(at_).starts_with(scheme)) {
                copy(scheme.size());
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string result_;
};

}  // namespace

std::string without_secrets(std::string_view text) { return Redactor(text).result(); }

std::vector<std::string> without_secrets(const std::vector<std::string>& words) {
    std::vector<std::string> result;
    bool value_follows = false;
    for (const std::string& word : words) {
        const bool is_option = word.starts_with('-');
        const std::size_t sign = word.find('=');
        const bool is_whole_value =
            sign != std::string::npos &&
            std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(sign),
                        is_of_a_name) &&
            names_a_secret(std::string_view(word).substr(0, sign));
        if (value_follows && !is_option) {
            result.emplace_back(hidden);
        } else if (is_whole_value) {
            result.push_back(word.substr(0, sign + 1) + std::string(hidden));
        } else {
            result.push_back(without_secrets(word));
        }
        value_follows = is_option && sign == std::string::npos && names_a_secret(word);
    }
    return result;
}

}  // namespace hexcore
