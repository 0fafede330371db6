#pragma once

#include <cstddef>
#include <string>

#include "hexcore/cli/chat_history.hpp"
#include "hexcore/cli/key_decoder.hpp"

namespace hexcore {

/// A search through the history, backwards and for what is typed, as Emacs and shells have it.
class HistorySearch {
public:
    explicit HistorySearch(const ChatHistory& history) : history_(&history) {}

    enum class Step {
        on,      ///< the key was for the search
        end,     ///< it is for what was found
        cancel,  ///< nothing is to be found
    };
    [[nodiscard]] Step take(const Key& key);

    /// The number of the text that was found; 0: none yet.
    [[nodiscard]] std::size_t found() const { return found_; }
    /// Whether the last key found nothing more.
    [[nodiscard]] bool failed() const { return failed_; }
    /// What is searched for.
    [[nodiscard]] std::string part() const;

private:
    void look(std::size_t behind);

    const ChatHistory* history_;
    std::wstring part_;
    std::size_t found_ = 0;
    bool failed_ = false;
};

}  // namespace hexcore
