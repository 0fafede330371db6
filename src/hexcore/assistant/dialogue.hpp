#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A question with its answer, as somebody saw them.
struct DialogueTurn {
    std::string question;
    std::string answer;
    std::vector<std::string> experts = {};  ///< who gave it

    [[nodiscard]] bool operator==(const DialogueTurn&) const = default;
};

/// One conversation with an assistant, which its file keeps (docs/formats/dialogue.md).
class Dialogue {
public:
    explicit Dialogue(std::string assistant) : assistant_(std::move(assistant)) {}

    /// A new one where there is no file. Fails with ErrorCode::bad_input for a file that is no
    /// conversation, or one with another assistant, and says what to do.
    [[nodiscard]] static Result<Dialogue> read(const std::filesystem::path& file,
                                               const std::string& assistant);
    /// The same for a file that it is going to be written to: also fails as write() where it could
    /// not be.
    [[nodiscard]] static Result<Dialogue> read_to_keep(const std::filesystem::path& file,
                                                       const std::string& assistant);
    /// In place of what was there, at once. Fails with ErrorCode::negative.
    [[nodiscard]] Result<void> write(const std::filesystem::path& file) const;

    [[nodiscard]] const std::vector<DialogueTurn>& turns() const { return turns_; }
    void add(DialogueTurn turn) { turns_.push_back(std::move(turn)); }

private:
    std::string assistant_;
    std::vector<DialogueTurn> turns_;
};

}  // namespace hexcore
