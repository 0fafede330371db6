#include "hexcore/session/session_pool.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

SessionPool::SessionPool(Engine& engine, std::size_t most, SessionOptions options)
    : engine_(engine), most_(most), options_(options) {
    HEXCORE_CHECK(most > 0, most, "no session is to be kept");
}

Session* SessionPool::for_prompt(std::span<const Token> tokens) {
    Place* best = nullptr;
    std::size_t best_common = 0;
    for (Place& place : places_) {
        const auto& held = place.session.tokens();
        if (!place.name.empty() || !place.session.idle()) {
            continue;
        }
        const std::size_t common = common_start(held, tokens);
        const bool fits = 2 * common >= held.size();
        if (fits && (best == nullptr || common > best_common)) {
            best = &place;
            best_common = common;
        }
    }
    if (best == nullptr) {
        return open({});
    }
    best->last_used = ++now_;
    return &best->session;
}

SessionPool::Named SessionPool::named(std::string_view name) {
    for (Place& place : places_) {
        if (place.name == name) {
            place.last_used = ++now_;
            return {&place.session, false};
        }
    }
    return {open(name), true};
}

bool SessionPool::make_room() {
    auto oldest = places_.end();
    for (auto place = places_.begin(); place != places_.end(); ++place) {
        const auto age = [](const Place& one) {
            return std::pair(!one.name.empty(), one.last_used);
        };
        if (place->session.idle() && (oldest == places_.end() || age(*place) < age(*oldest))) {
            oldest = place;
        }
    }
    if (oldest == places_.end()) {
        return false;
    }
    if (!oldest->name.empty() && on_forgotten) {
        on_forgotten(oldest->name);
    }
    places_.erase(oldest);
    return true;
}

Session* SessionPool::open(std::string_view name) {
    if (places_.size() >= most_ && !make_room()) {
        return nullptr;
    }
    auto session = engine_.open(options_);
    HEXCORE_CHECK(session.has_value(), places_.size(), "sessions could not be opened");
    places_.push_back({*std::move(session), std::string(name), ++now_});
    return &places_.back().session;
}

}  // namespace hexcore
