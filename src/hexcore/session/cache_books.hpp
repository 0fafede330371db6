#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/report/cache_stats.hpp"
#include "hexcore/runtime/cache_cells.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore {

/// What the sessions of a model hold of its cache, and the most that they ever did.
class CacheBooks {
public:
    /// The model must outlive it, and stay where it is.
    explicit CacheBooks(LoadedModel& model);

    /// One session in the books, which must be empty when it goes.
    struct Entry {
        std::uint32_t tokens = 0;
        std::vector<HeldCells> held = {};  ///< on each device; none before the first change()
        std::uint32_t most_tokens = 0;
        Bytes most_bytes = {};
    };
    /// The session has the cells of so many tokens now, in that sequence of the context; 0: none.
    void change(Entry& entry, std::uint32_t sequence, std::uint32_t n_tokens);

    /// The figures of cells and bytes, of all sessions or with those of one.
    void describe(CacheStats& stats, const Entry* of) const;
    [[nodiscard]] const CacheCells& cells() const { return cells_; }

private:
    LoadedModel& model_;
    CacheCells cells_;
    std::uint64_t tokens_ = 0;  ///< of all sessions
    std::uint64_t most_tokens_ = 0;
    Bytes most_bytes_;
    std::vector<HeldCells> held_;  ///< [device], by all sessions
    std::vector<HeldCells> most_;  ///< [device], cells and bytes each when there were most
};

}  // namespace hexcore
