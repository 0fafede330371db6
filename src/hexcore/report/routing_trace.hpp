#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// What a token was to its conversation when it was computed.
enum class TokenKind : std::uint8_t { prompt, generated };

/// One token, and which experts each layer's router chose for it.
struct RoutedToken {
    std::uint32_t batch = 0;     ///< from 1; tokens of the same one were computed together
    std::uint32_t position = 0;  ///< in its conversation
    TokenKind kind = TokenKind::prompt;
    /// [RoutingTraceHeader::layers], in the router's order; empty: the layer was not computed for
    /// this token.
    std::vector<std::vector<ExpertId>> experts;
};

/// A layer that has experts.
struct RoutedLayer {
    LayerIndex layer;
    std::uint32_t n_experts = 0;
    Bytes expert_bytes;  ///< of all weights of one of its experts
};

/// What the choices are of.
struct RoutingTraceHeader {
    std::string model_name;
    std::string architecture;
    std::uint32_t n_layers = 0;
    std::uint32_t n_experts_used = 0;      ///< for each token, by each of the layers
    std::vector<RoutedLayer> layers = {};  ///< in their order
};

/// A file of docs/formats/routing-trace.md.
struct RoutingTrace {
    RoutingTraceHeader header;
    std::vector<RoutedToken> tokens;
    /// Its last line has no end: whoever wrote it was stopped there. It is left out.
    bool cut_off = false;
};

/// Is told of the tokens of each batch when it was computed.
class RoutingSink {
public:
    virtual ~RoutingSink() = default;
    virtual void computed(const std::vector<RoutedToken>& tokens) = 0;
};

/// The lines of such a file, each with its end.
[[nodiscard]] std::string routing_header_line(const RoutingTraceHeader& header);
[[nodiscard]] std::string routed_token_line(const RoutedToken& token);

/// Reads a trace, whoever wrote it. Fails with ErrorCode::bad_input, naming the line that is wrong:
/// of another schema, longer than any can be, with an expert or a layer that the model does not
/// have, or with batches that go backwards. `name` is the file's.
[[nodiscard]] Result<RoutingTrace> read_routing_trace(std::istream& in, const std::string& name);
[[nodiscard]] Result<RoutingTrace> read_routing_trace(const std::filesystem::path& path);

}  // namespace hexcore
