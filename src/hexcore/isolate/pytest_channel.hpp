#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// One message of docs/formats/pytest-channel.md. Any value in it may be missing or of another
/// type: a test may have written it.
struct PytestMessage {
    nlohmann::json value;  ///< an object
    std::vector<FileDescriptor> descriptors;

    [[nodiscard]] bool has(const char* key) const { return value.contains(key); }
    [[nodiscard]] std::string text(const char* key) const;      ///< "" for none
    [[nodiscard]] std::uint64_t number(const char* key) const;  ///< 0 for none
    [[nodiscard]] std::optional<double> real(const char* key) const;
    [[nodiscard]] bool is_set(const char* key) const;  ///< true, and nothing else
};

/// Messages both ways through a socket, or one way through a pipe. Reading never waits.
class PytestChannel {
public:
    explicit PytestChannel(FileDescriptor descriptor) : descriptor_(std::move(descriptor)) {}

    [[nodiscard]] int descriptor() const { return descriptor_.get(); }
    /// Takes what has come. Afterwards has_ended() tells whether more may.
    [[nodiscard]] std::vector<PytestMessage> read();
    [[nodiscard]] bool has_ended() const { return has_ended_; }
    /// False: nobody reads any more, or not for two seconds. Half a message may be sent then, so
    /// it is of no more use.
    [[nodiscard]] bool send(const nlohmann::json& message,
                            const std::vector<int>& descriptors = {}) const;
    [[nodiscard]] bool send_text(std::string_view text) const;

    /// Two ends that are connected, of which neither is inherited by programs that are started.
    struct Ends;
    [[nodiscard]] static Result<Ends> make_ends();

private:
    /// False: nothing more is there now.
    bool read_portion();
    void keep_descriptors(void* message_header);

    FileDescriptor descriptor_;
    std::string unread_;
    std::deque<FileDescriptor> arrived_;
    bool has_ended_ = false;
};

struct PytestChannel::Ends {
    FileDescriptor ours;
    FileDescriptor theirs;
};

}  // namespace hexcore
