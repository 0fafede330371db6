#include "hexcore/session/parking.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

Parking::Parking(const LoadedModel& model, ParkingOptions options)
    : options_(std::move(options)), identity_(StateIdentity::of(model)) {
    if (options_.folder.empty()) {
        options_.folder = default_parking_folder();
    }
}

bool Parking::make_room(Bytes size) {
    if (size > options_.memory) {
        return false;
    }
    while (in_memory_ + size > options_.memory) {
        const Iterator place = oldest(false);
        if (place->kind == ParkedKind::beginning || !move_to_file(*place)) {
            forget(place);
        }
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

std::optional<SavedState> Parking::take(ParkedId id) {
    const Iterator place = place_of(id);
    if (place == places_.end()) {
        return {};
    }
    std::optional<SavedState> state;
    if (place->file.empty()) {
        state = std::move(place->state);
    } else if (auto file = read_session_file(place->file, identity_of(*place)); !file) {
        tell(file.error().message);
    } else if (file->state.empty()) {
        tell(fmt::format("{}: {}", place->file.string(), file->state_problem));
    } else {
        state = SavedState{std::move(file->tokens),
                           std::move(file->state),
                           {},
                           std::move(file->identity.adapters)};
    }
    forget(place);
    return state;
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

Parking::Iterator Parking::place_of(ParkedId id) {
    return std::ranges::find(places_, id, &Place::id);
}

Parking::Iterator Parking::oldest(bool in_file) {
    return std::find_if(places_.begin(), places_.end(),
                        [in_file](const Place& place) { return place.file.empty() != in_file; });
}

bool Parking::move_to_file(Place& place) {
    if (place.size > options_.files) {
        return false;
    }
    while (in_files_ + place.size > options_.files) {
        forget(oldest(true));
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
    std::filesystem::path path = folder_->path() / fmt::format("{}.session", place.id);
    SessionFile content{identity_of(place), std::move(place.state.tokens), {}};
    content.cells = static_cast<std::uint32_t>(content.tokens.size());
    content.state = std::move(place.state.bytes);
    if (const auto written = write_session_file(path, content, Durability::process); !written) {
        place.state.tokens = std::move(content.tokens);
        place.state.bytes = std::move(content.state);
        tell(written.error().message);
        return false;
    }
    in_memory_ -= place.size;
    in_files_ += place.size;
    place.state = {.tokens = {}, .bytes = {}, .adapters = std::move(content.identity.adapters)};
    place.file = std::move(path);
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
