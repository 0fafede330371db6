#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// An engine for whatever adapters are asked for, over the contexts of one model. There are as many
/// sets of adapters at a time as contexts; for one more, the least recently used that nobody has a
/// session in leaves with its adapters and its cache, and nothing of it is left. How much memory
/// there can be was planned with the sets that the model was loaded with: sets of larger adapters
/// than these are refused where the budgets leave no room. For one thread at a time.
class AdapterContexts {
public:
    /// `model`: with its first context; must outlive it. Nobody else may have an engine over it.
    /// What may be parked is divided among the contexts.
    explicit AdapterContexts(LoadedModel& model, EngineOptions options = {});

    /// The engine that computes with these adapters; valid until others take its place, which they
    /// don't while it has a session. Fails as LoadedModel::apply(), and with ErrorCode::usage where
    /// all contexts have sessions.
    [[nodiscard]] Result<Engine*> engine_for(const std::vector<ChosenAdapter>& adapters);

    /// Those that were asked for and are there.
    [[nodiscard]] std::vector<Engine*> engines() const;
    [[nodiscard]] std::size_t size() const { return places_.size(); }
    /// How often one set took another's place.
    [[nodiscard]] std::uint64_t switches() const { return switches_; }

private:
    struct Slot {
        std::unique_ptr<LoadedModel> model;  ///< stays where it is, as its engine needs
        std::unique_ptr<Engine> engine;      ///< null before it is asked for
        std::uint64_t last_used = 0;
    };
    [[nodiscard]] Slot* slot_with(const std::vector<ChosenAdapter>& adapters);
    [[nodiscard]] Slot* least_recently_used();

    EngineOptions options_;
    std::vector<Slot> places_;
    std::uint64_t now_ = 0;  ///< counts uses
    std::uint64_t switches_ = 0;
};

}  // namespace hexcore
