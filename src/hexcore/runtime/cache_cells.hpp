#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/base/bytes.hpp"

struct llama_context;

namespace hexcore {

class Machine;

/// What tokens hold of the cache on one device.
struct HeldCells {
    std::uint64_t cells = 0;  ///< tokens with keys and values in a layer there
    Bytes bytes;              ///< of keys, values and recurrent state

    HeldCells& operator+=(const HeldCells& more);
    bool operator==(const HeldCells&) const = default;
};

/// Which cells of a context's cache the tokens of a sequence hold, on each of a machine's devices.
/// libllama has a cache for layers that see all tokens, another for those that see a window of
/// them, and for recurrent layers one state for each sequence, however long. What a window has left
/// behind counts as free: nobody looks at it, and the next tokens take its place.
class CacheCells {
public:
    /// Both must outlive it.
    CacheCells(Machine& machine, llama_context& context);

    /// What there is on each device, for all sequences.
    [[nodiscard]] const std::vector<std::uint64_t>& cells() const { return cells_; }
    /// What a sequence with the first `n_tokens` of a text holds, on each device.
    [[nodiscard]] std::vector<HeldCells> held(std::uint32_t sequence, std::uint32_t n_tokens) const;
    /// The most tokens that a sequence can have in so many bytes over all devices, at most those
    /// that it has room for. Nothing where that is not known before they are there.
    [[nodiscard]] std::optional<std::uint32_t> tokens_within(Bytes bytes) const;

    /// Empties a sequence and makes zeros of all that was in its place: a NaN would go on, since
    /// libllama computes with free cells, too, before it leaves them out.
    void wipe(std::uint32_t sequence) const;

private:
    /// What tokens take on one device.
    struct Rows {
        Bytes token;         ///< in layers that see all
        Bytes window_token;  ///< in layers with a window
        Bytes state;         ///< of recurrent layers, for a sequence
    };
    [[nodiscard]] std::vector<HeldCells> counted(std::uint32_t sequence) const;
    [[nodiscard]] std::uint32_t in_window(std::uint32_t n_tokens) const;
    [[nodiscard]] Bytes most_bytes(std::uint32_t n_tokens) const;

    Machine& machine_;
    llama_context& context_;
    std::vector<std::uint64_t> cells_;
    std::vector<Rows> rows_;
    bool counts_ = false;  ///< tokens take no certain number of rows; they are counted each time
};

}  // namespace hexcore
