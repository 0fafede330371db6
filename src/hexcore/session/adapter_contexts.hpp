#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// How sets of adapters take turns.
struct AdapterTurns {
    /// Without a number of sets, or of bytes: as many as the model was loaded with.
    ResidentAdapters resident = {};
    bool first_stays = false;  ///< no set takes the first context's place
    /// Is asked for an engine that answers nobody but has sessions, when its place is wanted:
    /// closes them and says true, or the engine stays. Null: such engines stay.
    std::function<bool(Engine&)> vacate = {};
};

/// An engine for whatever adapters are asked for, over the contexts of one model. There are as many
/// sets of adapters at a time as the model was loaded with, and as AdapterTurns::resident allows;
/// for one more, the least recently used that nobody has a session in leaves with its adapters and
/// its cache, and nothing of it is left. How much memory there can be was planned with the sets
/// that the model was loaded with: for larger adapters others leave as well; what there is no room
/// for even then is refused. For one thread at a time.
class AdapterContexts {
public:
    using Set = std::vector<ChosenAdapter>;

    /// `model`: with its first context; must outlive it. Nobody else may have an engine over it.
    /// What may be parked is divided among the contexts.
    explicit AdapterContexts(LoadedModel& model, EngineOptions options = {},
                             AdapterTurns turns = {});

    /// The engine that computes with these adapters; valid until others take its place, which they
    /// don't while it has a session. Fails as LoadedModel::apply(), with ErrorCode::does_not_fit,
    /// too, for more bytes than may be there, and with ErrorCode::usage where all contexts, or all
    /// whose adapters would have to leave, have sessions.
    [[nodiscard]] Result<Engine*> engine_for(const Set& adapters);

    /// Whether all of these can be there at the same time, where nobody answers.
    [[nodiscard]] bool fit_together(std::span<const Set> sets) const;
    /// Whether they can be now, beside all that answer. If so, engine_for() has an engine for each
    /// of them, as long as those that it gave are asked before the next is asked for.
    [[nodiscard]] bool prepare(std::span<const Set> sets);

    /// Those that were asked for and are there.
    [[nodiscard]] std::vector<Engine*> engines() const;
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    /// How many contexts have adapters, and what these take; one that several have counts once.
    [[nodiscard]] std::size_t n_resident() const { return n_resident_besides(nullptr); }
    [[nodiscard]] Bytes resident_bytes() const { return bytes_with({}, nullptr); }
    /// How often one set took another's place.
    [[nodiscard]] std::uint64_t switches() const { return switches_; }

private:
    struct Slot {
        std::unique_ptr<LoadedModel> model;  ///< stays where it is, as its engine needs
        std::unique_ptr<Engine> engine;      ///< null before it is asked for
        std::uint64_t last_used = 0;
    };
    [[nodiscard]] Slot* slot_with(const Set& adapters);
    [[nodiscard]] bool may_leave(const Slot& slot) const;
    [[nodiscard]] bool stays(const Slot& slot) const {
        return turns_.first_stays && &slot == &places_.front();
    }
    [[nodiscard]] bool leave(Slot& slot);
    [[nodiscard]] bool fit_beside(std::span<const Set> sets,
                                  const std::function<bool(const Slot&)>& stay) const;
    [[nodiscard]] Slot* oldest(const std::function<bool(const Slot&)>& is_meant);
    [[nodiscard]] Slot* place_for(const Set& adapters);
    [[nodiscard]] bool drop_oldest_besides(const Slot& slot);
    [[nodiscard]] bool keeps_limits(const Set& adapters, const Slot& slot) const;
    [[nodiscard]] Result<void> apply(Slot& slot, const Set& adapters);
    [[nodiscard]] std::size_t n_resident_besides(const Slot* slot) const;
    [[nodiscard]] Bytes bytes_with(const Set& adapters, const Slot* besides) const;

    EngineOptions options_;
    AdapterTurns turns_;
    std::vector<Slot> places_;
    std::uint64_t now_ = 0;  ///< counts uses
    std::uint64_t switches_ = 0;
};

}  // namespace hexcore
