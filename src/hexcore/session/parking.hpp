#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/session/session_file.hpp"
#include "hexcore/session/state_folder.hpp"

namespace hexcore {

/// Where sessions go that have to make room in the cache, and how much of it there is.
struct ParkingOptions {
    Bytes memory = {};                  ///< of the host; 0: none go there
    Bytes files = {};                   ///< in `folder`; 0: none go there
    std::filesystem::path folder = {};  ///< see StateFolder; made when the first file is written
    /// Is told in a sentence of a file that could not be written or used.
    std::function<void(std::string_view)> tell = {};

    /// What a plan says of it, in the ordinary folder.
    [[nodiscard]] static ParkingOptions of(const Plan& plan);
};

/// A parked state, for its owner.
using ParkedId = std::uint64_t;

/// What a parked state is of.
enum class ParkedKind {
    session,
    beginning,  ///< of prompts of several sessions; nobody's, and not worth a file
};

/// Saved states of sessions, each in host memory or in a file, within the limits of both. New ones
/// come into memory; to make room, the oldest go on to files, and beyond that limit the oldest
/// files are given up, which their owners find out when they ask.
class Parking {
public:
    Parking(LoadedModel& model, ParkingOptions options);

    /// How large a state may be so that put() takes it.
    [[nodiscard]] Bytes largest() const { return options_.memory; }
    /// Makes room for `size` bytes. False where there cannot be.
    [[nodiscard]] bool make_room(Bytes size);
    /// To be called after make_room() for it.
    [[nodiscard]] ParkedId put(SavedState state, ParkedKind kind);
    /// Takes it out again. Empty where it was given up, or its file cannot be used any more.
    [[nodiscard]] std::optional<SavedState> take(ParkedId id);
    /// It is going to be taken next: what makes room until then leaves it where it is.
    void want(ParkedId id);
    [[nodiscard]] bool has(ParkedId id) const;
    /// The beginning with exactly these tokens under these adapters, which stays; null: there is
    /// none.
    [[nodiscard]] const SavedState* find(std::span<const Token> tokens, const AdapterSet& adapters);
    [[nodiscard]] bool has_beginning(std::span<const Token> tokens,
                                     const AdapterSet& adapters) const;
    void drop(ParkedId id);
    /// Drops the beginnings that are some of these tokens'.
    void drop_beginnings_of(std::span<const Token> tokens);

    [[nodiscard]] Bytes in_memory() const { return in_memory_; }
    [[nodiscard]] Bytes in_files() const { return in_files_; }
    [[nodiscard]] ParkingLimits limits() const { return {options_.memory, options_.files}; }

private:
    struct Place {
        ParkedId id = 0;
        SavedState state;            ///< without tokens and bytes where it is in a file
        std::filesystem::path file;  ///< empty where it is in memory
        Bytes size;
        ParkedKind kind = ParkedKind::session;
    };
    using Iterator = std::list<Place>::iterator;
    [[nodiscard]] Iterator place_of(ParkedId id);
    [[nodiscard]] Iterator oldest_in_memory();
    [[nodiscard]] static bool begins(const Place& place, std::span<const Token> tokens,
                                     const AdapterSet& adapters);
    [[nodiscard]] StateIdentity identity_of(const Place& place) const;
    [[nodiscard]] bool make_room_in_files(Iterator place);
    [[nodiscard]] bool move_to_file(Iterator place);
    [[nodiscard]] std::optional<SavedState> read_back(const Place& place);
    void forget(Iterator place);
    void tell(std::string_view sentence) const;

    ParkingOptions options_;
    StateIdentity identity_;
    std::optional<StateFolder> folder_;
    Ledger& books_;            ///< of host memory
    std::list<Place> places_;  ///< the oldest first
    ParkedId wanted_ = 0;      ///< 0: none
    ParkedId next_ = 1;
    Bytes in_memory_;
    Bytes in_files_;
};

}  // namespace hexcore
