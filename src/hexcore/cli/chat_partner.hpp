#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

/// Who is on the other side of a chat. Answers are printed as they come.
class ChatPartner {
public:
    ChatPartner() = default;
    virtual ~ChatPartner() = default;
    ChatPartner(const ChatPartner&) = delete;
    ChatPartner& operator=(const ChatPartner&) = delete;

    /// A question that fails, or is interrupted before it is taken in (0 prompt tokens), was never
    /// asked.
    [[nodiscard]] virtual Result<Answer> ask(const std::string& question,
                                             const Interrupt& interrupt) = 0;
    /// In place of what is said so far: what it is told before all else; "": nothing.
    virtual void begin_anew(std::string system) = 0;
    [[nodiscard]] virtual const std::string& system() const = 0;
    [[nodiscard]] virtual CacheStats stats() const = 0;
    /// Keeps the conversation in a file. Fails with ErrorCode::negative where it cannot be written.
    [[nodiscard]] virtual Result<void> save_to(const std::filesystem::path& file) = 0;
    /// Goes on with the conversation of a file. Fails with ErrorCode::bad_input where it is none,
    /// and then changes nothing.
    [[nodiscard]] virtual Result<void> load_from(const std::filesystem::path& file) = 0;

    /// What a command line without anybody who asks lacks, part of a sentence.
    [[nodiscard]] virtual std::string_view what_to_give() const {
        return "a prompt with -p TEXT or --file FILE";
    }
    /// Whether another question may follow one that failed so: nothing of it was taken in.
    [[nodiscard]] virtual bool goes_on_after(const Error& error) const {
        return error.code == ErrorCode::usage;
    }
    /// Lines of help about commands that it has besides those of all chats.
    [[nodiscard]] virtual std::string_view own_help() const { return {}; }
    /// Does one of them. False: it is none.
    [[nodiscard]] virtual bool obeys(std::string_view /*name*/, const std::string& /*value*/) {
        return false;
    }
};

}  // namespace hexcore
