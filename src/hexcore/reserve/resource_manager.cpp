#include "hexcore/reserve/resource_manager.hpp"

#include <utility>

#include "hexcore/device/own_memory.hpp"

namespace hexcore {

struct ResourceManager::State {
    Options options;
    ReservationBook book;
    std::unique_ptr<CageYard> yard = {};
    std::vector<std::weak_ptr<MemoryReservation::State>> made = {};  ///< by reserve()
};

ResourceManager::ResourceManager(std::unique_ptr<State> state) : state_(std::move(state)) {}
ResourceManager::ResourceManager(ResourceManager&&) noexcept = default;
ResourceManager::~ResourceManager() = default;

Result<ResourceManager> ResourceManager::open() { return open(Options()); }

Result<ResourceManager> ResourceManager::open(Options options) {
    HEXCORE_TRY(book, ReservationBook::open(
                          {.folder = options.folder,
                           .kept = {.reserved = options.reserved, .min_free = options.min_free},
                           .look = options.look}));
    return ResourceManager(std::make_unique<State>(State{std::move(options), std::move(book)}));
}

Result<MemoryReservation> ResourceManager::reserve(const std::string& name, const Claim& claim,
                                                   const Patience& patience) {
    HEXCORE_TRY(reservation, state_->book.reserve(name, claim, patience));
    std::erase_if(state_->made, [](const auto& known) { return known.expired(); });
    state_->made.push_back(reservation.state_);
    return reservation;
}

Result<CageYard*> ResourceManager::yard() {
    if (state_->yard == nullptr) {
        HEXCORE_TRY(opened, CageYard::open({.supervisor = state_->options.supervisor}));
        state_->yard = std::move(opened);
    }
    return state_->yard.get();
}

Result<IsolatedRun> ResourceManager::run_isolated(const IsolatedCommand& command,
                                                  const IsolatedLimits& limits) {
    HEXCORE_TRY(opened, yard());
    return run_in_cage(*opened, command, limits, state_->options.look);
}

Result<IsolatedRun> ResourceManager::run_isolated(const IsolatedFunction& function,
                                                  const IsolatedLimits& limits) {
    if (!state_->options.process_isolation) {
        return run_here(function);
    }
    HEXCORE_TRY(opened, yard());
    return run_in_cage(*opened, function, limits, state_->options.look);
}

CleanedUp ResourceManager::cleanup() {
    CleanedUp cleaned{.held_before = own_memory().value_or(Bytes{}), .held_after = {}};
    for (const auto& known : std::exchange(state_->made, {})) {
        auto state = known.lock();
        if (state == nullptr) {
            continue;
        }
        MemoryReservation same(std::move(state));
        if (same.is_held()) {
            ++cleaned.reservations;
            cleaned.reserved.host += same.claim().host;
            cleaned.reserved.cores += same.claim().cores;
            cleaned.reserved.devices.insert(cleaned.reserved.devices.end(),
                                            same.claim().devices.begin(),
                                            same.claim().devices.end());
        }
    }
    give_back_free_pages();
    cleaned.held_after = own_memory().value_or(Bytes{});
    return cleaned;
}

}  // namespace hexcore
