#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/loaded_model.hpp"
#include "hexcore/session/cache_books.hpp"
#include "hexcore/session/parking.hpp"

namespace hexcore {

/// What the cache of this model allows.
[[nodiscard]] CacheAbilities abilities_of(const LoadedModel& model);
/// The most tokens of one session that the cache of this model can hold.
[[nodiscard]] std::uint32_t session_tokens_of(const LoadedModel& model);

/// What one session has of the KV cache. Only the KvManager changes it.
struct SessionCells {
    std::vector<Token> tokens;  ///< whose keys and values there are, in their order
    AdapterSet adapters;        ///< under which they were computed
    /// Of the context's sequences the one that has them; none: they are parked, or there are none.
    std::optional<std::uint32_t> sequence;
    std::optional<ParkedId> parked;
    /// So many tokens may be there, set by who adds them; 0: what a sequence has room for.
    std::uint32_t most = 0;
    bool busy = false;      ///< may not be parked now
    bool shifting = false;  ///< libllama is going to move the keys with the next batch
    /// How many tokens at the start were computed in whole pieces, which end where those of a
    /// fresh session would, with `fixed_shared` shared tokens.
    std::uint32_t fixed = 0;
    std::uint32_t fixed_shared = 0;
    std::uint64_t last_used = 0;
    CacheCounts counts;
    CacheBooks::Entry entry;
};

/// Whose cells are in the KV cache. Each session has a sequence of the context for itself. If there
/// are more sessions than sequences, the least recently used idle one goes to host memory and on to
/// a file, as far as their limits allow, and comes back when it is asked; beyond the limits its
/// cells are given up, and its tokens have to be computed again.
class KvManager {
public:
    /// Empties the model's cache. The model must outlive the manager.
    KvManager(LoadedModel& model, ParkingOptions parking);
    ~KvManager();  ///< leaves all sequences empty
    KvManager(const KvManager&) = delete;
    KvManager& operator=(const KvManager&) = delete;

    /// What this model's cache allows.
    [[nodiscard]] const CacheAbilities& abilities() const { return abilities_; }
    /// The most tokens of one session that the cache can hold.
    [[nodiscard]] std::uint32_t session_tokens() const { return session_tokens_; }

    /// A session without cells.
    [[nodiscard]] SessionCells& add();
    /// Gives up all that the session has.
    void remove(SessionCells& cells);
    /// The session is to have no cells any more, wherever they are.
    void clear(SessionCells& cells);
    /// The same where a NaN may be among its numbers: nobody is to compute with them any more, also
    /// not by what was saved of them for others.
    void wipe(SessionCells& cells);
    /// It was used: others make room before it does.
    void touch(SessionCells& cells) { cells.last_used = ++now_; }

    /// Brings the session's cells into a sequence and keeps them there while it is busy. False
    /// where all sequences have busy sessions.
    [[nodiscard]] bool bring_in(SessionCells& cells);
    /// It is idle: its sequence may be wanted by others.
    void let_go(SessionCells& cells) { cells.busy = false; }

    /// Keeps the cells of the first `count` tokens, or fewer where this kind of model cannot give
    /// up the others alone, and says how many. The session must be in a sequence.
    std::uint32_t keep_first(SessionCells& cells, std::uint32_t count);
    /// How many of them keep_first() would keep, also of a session that is parked.
    [[nodiscard]] std::uint32_t keepable(const SessionCells& cells, std::uint32_t count) const;
    /// How many tokens' cells there are, in a sequence or parked.
    [[nodiscard]] std::uint32_t kept(const SessionCells& cells) const;
    /// Gives `to` the cells of the first `count` tokens of another session in a sequence, in place
    /// of its own. False where there is no host memory for a copy; it may be without any then.
    [[nodiscard]] bool copy_first(const SessionCells& from, SessionCells& to, std::uint32_t count);
    /// Whether copy_first() can be tried.
    [[nodiscard]] bool can_copy_first(const SessionCells& from, std::uint32_t count) const;
    /// The session that makes room for the next to come; null: there is room.
    [[nodiscard]] const SessionCells* next_to_go() const;
    /// Whether its cells can only be given up where it makes room.
    [[nodiscard]] bool cannot_park(const SessionCells& cells) const;
    /// Makes room in a full session: the first `keep` tokens stay, and the newer half of the
    /// others, whose keys are moved with the next batch. Says how many were taken out. Needs
    /// abilities().slide.
    std::uint32_t slide(SessionCells& cells, std::uint32_t keep);
    /// `tokens` were computed behind those that the session has.
    void computed(SessionCells& cells, std::span<const Token> tokens);
    /// `n_tokens` of a request need not be computed.
    void reused(SessionCells& cells, std::uint64_t n_tokens);

    /// Keeps the state of a session's cells, so that others that begin with the same tokens need
    /// not compute them; as far as there is room.
    void save_prefix(const SessionCells& cells);
    /// Gives an empty session the saved cells of these tokens. False where nobody saved them.
    [[nodiscard]] bool restore_prefix(SessionCells& cells, std::span<const Token> tokens);
    [[nodiscard]] bool has_prefix(std::span<const Token> tokens, const AdapterSet& adapters) const {
        return parking_.has_beginning(tokens, adapters);
    }

    /// What is in the cells now, as libllama writes it. Fails with ErrorCode::does_not_fit where
    /// there is no memory for that.
    [[nodiscard]] Result<SavedState> save(const SessionCells& cells) const;
    /// Gives a session those cells in place of its own. False, leaving it without any, where
    /// libllama does not take them, or they are not of so many tokens.
    [[nodiscard]] bool restore(SessionCells& cells, std::span<const Token> tokens,
                               std::span<const std::byte> state);

    /// Of all sessions, or with the counts and the length of one.
    [[nodiscard]] CacheStats stats(const SessionCells* of = nullptr) const;

private:
    [[nodiscard]] std::optional<std::uint32_t> free_sequence();
    [[nodiscard]] Bytes state_size(const SessionCells& cells) const;
    void park(SessionCells& cells);
    void bring_back(SessionCells& cells);
    void give_up(SessionCells& cells);
    void forget(SessionCells& cells);
    void empty(std::uint32_t sequence);
    void compact(SessionCells& cells);
    void enter(SessionCells& cells);
    template <typename Change>
    void count(SessionCells& cells, Change change) {
        change(cells.counts);
        change(counts_);
    }

    LoadedModel& model_;
    CacheAbilities abilities_;
    std::uint32_t session_tokens_;
    Parking parking_;
    std::list<SessionCells> sessions_;
    std::vector<SessionCells*> in_sequence_;  ///< [sequence]; null: free
    std::uint64_t now_ = 0;                   ///< counts uses
    CacheBooks books_;
    CacheCounts counts_;  ///< of all, those that have gone among them
};

}  // namespace hexcore
