#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// `$XDG_STATE_HOME/hexcore/history`, or below the home folder `.local/state/hexcore/history`;
/// empty where neither is known.
[[nodiscard]] std::filesystem::path default_history_file();

/// What was typed in this chat, and in earlier ones: of those the newest 1000, of 1 MiB together.
/// Each text is a line of the file, a JSON string; only its owner can read it. A file that cannot
/// be read or written is no error: the texts are then kept in memory alone.
class ChatHistory {
public:
    /// An empty name: no file.
    explicit ChatHistory(std::filesystem::path file);

    /// Keeps a text, unless it begins with a blank, or is the newest already.
    void add(const std::string& text);
    [[nodiscard]] std::size_t size() const { return texts_.size(); }
    /// The newest is number 1.
    [[nodiscard]] const std::string& text(std::size_t number) const {
        return texts_[texts_.size() - number];
    }
    /// The number of the newest text that contains `part`, of those older than number `behind`.
    [[nodiscard]] std::optional<std::size_t> find(std::string_view part, std::size_t behind) const;

private:
    void read();
    void append(const std::string& text) const;
    void rewrite() const;

    std::filesystem::path file_;
    std::vector<std::string> texts_;  ///< the newest last
};

}  // namespace hexcore
