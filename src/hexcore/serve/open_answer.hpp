#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/serve/answer_writer.hpp"
#include "hexcore/serve/asked.hpp"
#include "hexcore/serve/chat_writer.hpp"
#include "hexcore/serve/served_model.hpp"

namespace hexcore {

/// One request that is being answered. Where it goes before the answer has ended, the answer does.
class OpenAnswer {
public:
    using Json = nlohmann::ordered_json;

    /// Asks what a body of `POST /v1/chat/completions` or `/v1/completions` asks for. The model
    /// must outlive the answer.
    [[nodiscard]] static Asked<std::unique_ptr<OpenAnswer>> chat(ServedModel& model,
                                                                 std::string_view body);
    [[nodiscard]] static Asked<std::unique_ptr<OpenAnswer>> text(ServedModel& model,
                                                                 std::string_view body);
    ~OpenAnswer();
    OpenAnswer(const OpenAnswer&) = delete;
    OpenAnswer& operator=(const OpenAnswer&) = delete;

    /// Takes what has come, waiting up to `at_most` for it, and puts what a stream shows of it
    /// behind `chunks`. Fails as the engine did.
    [[nodiscard]] Asked<void> advance(std::chrono::milliseconds at_most, std::vector<Json>& chunks);
    [[nodiscard]] bool has_ended() const { return open_ == 0; }
    [[nodiscard]] bool streams() const { return stream_; }
    /// What is sent before anything else in a stream.
    void begin(std::vector<Json>& chunks) { writer_->begin(chunks); }
    /// Once it has ended: the answer.
    [[nodiscard]] Json whole() const;

private:
    OpenAnswer(ServedModel& model, const AskedAnswer& asked);
    /// Of the assistant, or of that expert of it.
    [[nodiscard]] static Asked<std::unique_ptr<OpenAnswer>> of_assistant(
        ServedModel& model, AskedChat asked, std::optional<std::size_t> expert);
    /// The session of a name stays this answer's until it goes. Fails with 409.
    [[nodiscard]] Asked<NamedTalks::Said> enter(NamedTalks::Kind kind);
    [[nodiscard]] ApiError blamed(const Error& why) const;
    void end(const Exchange::End& end, std::vector<Json>& chunks);
    void put_last(std::vector<Json>& chunks) const;
    [[nodiscard]] Json hexcore_json() const;

    ServedModel& model_;
    bool stream_;
    bool include_usage_;
    bool is_chat_ = false;
    std::string name_;      ///< of the session; empty: none
    bool entered_ = false;  ///< the session of that name
    /// Of a chat in a named session: what was said, and what reads the answer to it.
    std::vector<ChatMessage> said_;
    ChatWriter* chat_ = nullptr;
    std::unique_ptr<AnswerWriter> writer_;
    std::shared_ptr<Exchange> exchange_;  ///< null: not asked
    std::size_t open_ = 0;                ///< choices that have not ended
    std::uint32_t choices_each_ = 1;      ///< for a prompt
    AnswerUsage usage_;
    CacheStats cache_;
    Json facts_;  ///< of an assistant's answer
};

}  // namespace hexcore
