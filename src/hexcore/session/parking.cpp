#include "hexcore/session/parking.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/backend/machine.hpp"

namespace hexcore {

ParkingOptions ParkingOptions::of(const Plan& plan) {
    const ParkingLimits limits = plan.parking.value_or(ParkingLimits());
    return {.memory = limits.memory, .files = limits.files, .folder = default_parking_folder()};
}

Parking::Parking(LoadedModel& model, ParkingOptions options)
    : options_(std::move(options)),
      identity_(StateIdentity::of(model)),
      books_(model.machine().host()) {
    if (options_.folder.empty()) {
        options_.folder = default_parking_folder();
    }
}

bool Parking::make_room(Bytes size) {
    if (size > options_.memory) {
        return false;
    }
    while (in_memory_ + size > options_.memory) {
        const Iterator place = oldest_in_memory();
        if (place->kind == ParkedKind::session && move_to_file(place)) {
            continue;
        }
        if (place->id == wanted_) {
            return false;
        }
        forget(place);
    }
    return true;
}

ParkedId Parking::put(SavedState state, ParkedKind kind) {
    const Bytes size(state.bytes.size());
    HEXCORE_CHECK(in_memory_ + size <= options_.memory, size.count(), "has no room");
    in_memory_ += size;
    places_.push_back({next_, std::move(state), {}, size, kind});
    return next_++;
}

void Parking::want(ParkedId id) {
    const Iterator place = place_of(id);
    if (place != places_.end()) {
        places_.splice(places_.end(), places_, place);  // the newest again
        wanted_ = id;
    }
}

std::optional<SavedState> Parking::take(ParkedId id) {
    want(id);
    const Iterator place = place_of(id);
    if (place == places_.end()) {
        return {};
    }
    std::optional<SavedState> state =
        place->file.empty() ? std::move(place->state) : read_back(*place);
    forget(place);
    wanted_ = 0;
    return state;
}

std::optional<SavedState> Parking::read_back(const Place& place) {
    // While it is in both places, it counts in both.
    if (!make_room(place.size)) {
        return {};
    }
    auto file = read_session_file(place.file, identity_of(place), books_);
    if (!file) {
        tell(file.error().message);
        return {};
    }
    if (file->state.bytes.empty()) {
        tell(fmt::format("{}: {}", place.file.string(), file->state_problem));
        return {};
    }
    return std::move(file->state);
}

bool Parking::has(ParkedId id) const {
    return std::ranges::any_of(places_, [id](const Place& place) { return place.id == id; });
}

const SavedState* Parking::find(std::span<const Token> tokens, const AdapterSet& adapters) {
    const auto place = std::ranges::find_if(
        places_, [&](const Place& one) { return begins(one, tokens, adapters); });
    if (place == places_.end()) {
        return nullptr;
    }
    places_.splice(places_.end(), places_, place);  // the newest again
    return &places_.back().state;
}

bool Parking::has_beginning(std::span<const Token> tokens, const AdapterSet& adapters) const {
    return std::ranges::any_of(places_,
                               [&](const Place& one) { return begins(one, tokens, adapters); });
}

bool Parking::begins(const Place& place, std::span<const Token> tokens,
                     const AdapterSet& adapters) {
    return place.kind == ParkedKind::beginning && std::ranges::equal(place.state.tokens, tokens) &&
           place.state.adapters == adapters;
}

StateIdentity Parking::identity_of(const Place& place) const {
    StateIdentity identity = identity_;
    identity.adapters = place.state.adapters;
    return identity;
}

void Parking::drop(ParkedId id) {
    const Iterator place = place_of(id);
    if (place != places_.end()) {
        forget(place);
    }
}

void Parking::drop_beginnings_of(std::span<const Token> tokens) {
    for (auto place = places_.begin(); place != places_.end();) {
        const auto here = place++;
        const std::vector<Token>& some = here->state.tokens;
        if (here->kind == ParkedKind::beginning && some.size() <= tokens.size() &&
            std::ranges::equal(some, tokens.first(some.size()))) {
            forget(here);
        }
    }
}

Parking::Iterator Parking::place_of(ParkedId id) {
    return std::ranges::find(places_, id, &Place::id);
}

Parking::Iterator Parking::oldest_in_memory() {
    return std::ranges::find_if(places_, [](const Place& place) { return place.file.empty(); });
}

/// Makes room for it in the files, among those that are older. False where there cannot be.
bool Parking::make_room_in_files(Iterator place) {
    if (place->size > options_.files) {
        return false;
    }
    while (in_files_ + place->size > options_.files) {
        const Iterator older = std::find_if(places_.begin(), place, [this](const Place& one) {
            return !one.file.empty() && one.id != wanted_;
        });
        if (older == place) {
            return false;
        }
        forget(older);
    }
    return true;
}

bool Parking::move_to_file(Iterator place) {
    if (!make_room_in_files(place)) {
        return false;
    }
    if (!folder_) {
        auto folder = StateFolder::make(options_.folder);
        if (!folder) {
            tell(folder.error().message);
            options_.files = Bytes();  // it would be the same each time
            return false;
        }
        folder_.emplace(std::move(*folder));
    }
    std::filesystem::path path = folder_->path() / fmt::format("{}.session", place->id);
    SessionFile content{.identity = identity_of(*place), .state = std::move(place->state)};
    content.tokens = content.state.tokens;
    const auto written = write_session_file(path, content, Durability::process);
    if (!written) {
        place->state = std::move(content.state);
        tell(written.error().message);
        return false;
    }
    in_memory_ -= place->size;
    in_files_ += place->size;
    place->state = {.tokens = {}, .bytes = {}, .adapters = std::move(content.identity.adapters)};
    place->file = std::move(path);
    return true;
}

void Parking::forget(Iterator place) {
    if (place->file.empty()) {
        in_memory_ -= place->size;
    } else {
        in_files_ -= place->size;
        std::error_code error;
        std::filesystem::remove(place->file, error);
    }
    places_.erase(place);
}

void Parking::tell(std::string_view sentence) const {
    if (options_.tell) {
        options_.tell(sentence);
    }
}

}  // namespace hexcore
