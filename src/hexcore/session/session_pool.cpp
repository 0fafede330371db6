#include "hexcore/session/session_pool.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace hexcore {
namespace {

/// Tokens of a prompt without those that open the answer.
std::size_t without_opening(const Request& request) {
    const std::size_t size = request.tokens.size();
    return size - std::min<std::size_t>(size, request.opening_tokens.value_or(0));
}

}  // namespace

SessionPool::SessionPool(Engine& engine, std::size_t most, SessionOptions options)
    : engine_(engine),
      most_(most),
      options_(options),
      session_tokens_(session_bound(options, engine.model()).value_or(0)) {
    HEXCORE_CHECK(most > 0, most, "no session is to be kept");
}

Session* SessionPool::for_prompt(const Request& whole) {
    const Request request = in_window(whole, options_, session_tokens_);
    const std::size_t size = request.tokens.size();
    const std::size_t copied = engine_.reusable(request);
    const auto closing = places_.size() >= most_ ? oldest() : places_.end();
    auto best = places_.end();
    // The work, and of equal ones the longest beginning, then who was asked longest ago.
    using Rank = std::tuple<std::size_t, std::size_t, std::uint64_t>;
    Rank least{size - copied, size, now_ + 1};  // of a new one
    for (auto place = places_.begin(); place != places_.end(); ++place) {
        if (!place->name.empty() || !place->session.idle()) {
            continue;
        }
        const std::size_t reused = place->session.reusable(request);
        const bool loses =
            place != closing && !place->session.makes_room() && !goes_on(*place, request);
        const std::size_t lost = loses ? place->session.kept() - reused : 0;
        const Rank rank{size - std::max(reused, copied) + lost, size - reused, place->last_used};
        if (rank < least) {
            best = place;
            least = rank;
        }
    }
    if (best == places_.end()) {
        if (open({}) == nullptr) {
            return nullptr;
        }
        best = std::prev(places_.end());
    }
    best->last_used = ++now_;
    best->asked = without_opening(request);
    return &best->session;
}

bool SessionPool::goes_on(const Place& place, const Request& request) {
    return request.opening_tokens && without_opening(request) > place.asked &&
           common_start(place.session.tokens(), request.tokens) >= place.asked;
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

/// Of the idle ones.
SessionPool::Iterator SessionPool::oldest() {
    auto oldest = places_.end();
    for (auto place = places_.begin(); place != places_.end(); ++place) {
        const auto age = [](const Place& one) {
            return std::pair(!one.name.empty(), one.last_used);
        };
        if (place->session.idle() && (oldest == places_.end() || age(*place) < age(*oldest))) {
            oldest = place;
        }
    }
    return oldest;
}

bool SessionPool::make_room() {
    const Iterator place = oldest();
    if (place == places_.end()) {
        return false;
    }
    if (!place->name.empty() && on_forgotten) {
        on_forgotten(place->name);
    }
    places_.erase(place);
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
