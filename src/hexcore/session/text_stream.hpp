#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// Makes text that can be shown of the bytes of tokens: whole UTF-8 characters, and nothing that
/// may turn out to be the beginning of a stop text. Bytes that never begin a character are left as
/// they are.
class TextStream {
public:
    explicit TextStream(std::vector<std::string> stops);

    /// What can be shown once `bytes` have come, too.
    [[nodiscard]] std::string take(std::string_view bytes);
    /// What was held back, when no more come, but for the beginning of a character.
    [[nodiscard]] std::string rest();
    /// Whether a stop text has come; then nothing more does.
    [[nodiscard]] bool stopped() const { return stopped_; }

private:
    std::vector<std::string> stops_;
    std::string held_;
    bool stopped_ = false;
};

}  // namespace hexcore
