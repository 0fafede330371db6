#include "hexcore/assistant/answer_watch.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t tokens_between_looks = 16;

std::string shown_of(const std::vector<ChatDelta>& deltas) {
    std::string text;
    for (const ChatDelta& delta : deltas) {
        text += delta.content;
    }
    return text;
}

}  // namespace

std::string AnswerWatch::add(const AnswerPiece& piece) {
    for (const GeneratedToken& token : piece.tokens) {
        tokens_ += 1;
        special_ += token.bytes.empty() ? 1 : 0;
    }
    return shown_of(reader_.add(piece.text));
}

std::string AnswerWatch::finish() {
    const auto rest = reader_.finish();
    // What is no message in the template's form is one as far as it could be read.
    return rest ? shown_of(*rest) : "";
}

bool AnswerWatch::has_come_to_repeat() {
    if (tokens_ < looked_at_ + tokens_between_looks) {
        return false;
    }
    looked_at_ = tokens_;
    return repeats_itself(reader_.text());
}

}  // namespace hexcore
