#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "hexcore/report/routing_trace.hpp"

struct ggml_tensor;

namespace hexcore {

struct Inventory;
struct SequenceTokens;

/// Sees what the routers of a context choose while it computes, wherever its layers are. Its
/// context was made with ContextOptions::routing, and computes each router's choice before what
/// follows it: the same numbers, slower. For one thread at a time.
class RoutingWatch {
public:
    /// The sink must outlive it.
    explicit RoutingWatch(RoutingSink& sink) : sink_(sink) {}
    RoutingWatch(const RoutingWatch&) = delete;
    RoutingWatch& operator=(const RoutingWatch&) = delete;

    /// What a trace of this model begins with. Fails with ErrorCode::usage where it has no experts.
    [[nodiscard]] static Result<RoutingTraceHeader> header(const Inventory& inventory);
    /// Which layers are told of, and what is known of them; before the first batch.
    void begin(const RoutingTraceHeader& header);

    /// Before a batch of these parts, no more than an ubatch together, is computed, of which
    /// something is wanted for each's last token, and when it was: only then the sink is told.
    void computing(std::span<const SequenceTokens> parts, TokenKind kind);
    void computed();

    /// For libllama's context, with this as `watch`: whether that tensor is wanted, and then
    /// itself.
    static bool observe(ggml_tensor* tensor, bool ask, void* watch);

private:
    void take(const ggml_tensor& choice, std::size_t layer);

    RoutingSink& sink_;
    std::map<std::uint32_t, std::size_t> layers_;  ///< of the model, as the header counts them
    std::vector<std::uint32_t> n_experts_;         ///< [header's layer]
    std::uint32_t n_used_ = 0;
    std::uint32_t batch_ = 0;
    std::vector<RoutedToken> tokens_;
    std::vector<std::size_t> last_;                         ///< [part]: its last token
    std::vector<std::vector<std::vector<ExpertId>>> rows_;  ///< [header's layer][row]
};

}  // namespace hexcore
