#include "hexcore/report/live_view.hpp"

#include <algorithm>

namespace hexcore {
namespace {

/// What is watched goes before what only runs, and that before the machine; the later, the more.
std::size_t importance(const LiveSource& source) {
    if (source.is_over) {
        return 1;
    }
    return source.kind == LiveKind::recording ? 3 : source.kind == LiveKind::process ? 2 : 0;
}

void move(const std::vector<LiveSource>& sources, LiveView& view, std::ptrdiff_t by) {
    const LiveSource* chosen = chosen_source(view, sources);
    if (chosen == nullptr) {
        return;
    }
    const auto last = static_cast<std::ptrdiff_t>(sources.size()) - 1;
    const std::ptrdiff_t at = std::clamp(chosen - sources.data() + by, std::ptrdiff_t{0}, last);
    view.source = sources[static_cast<std::size_t>(at)].id;
    view.device = 0;
}

}  // namespace

const LiveSource* chosen_source(const LiveView& view, const std::vector<LiveSource>& sources) {
    const LiveSource* best = nullptr;
    for (const LiveSource& source : sources) {
        if (source.id == view.source) {
            return &source;
        }
        if (best == nullptr || importance(source) >= importance(*best)) {
            best = &source;
        }
    }
    return best;
}

std::size_t chosen_device(const LiveView& view, const LiveSource& source) {
    return view.device % std::max<std::size_t>(source.state.devices.size(), 1);
}

void press(LiveKey key, const std::vector<LiveSource>& sources, LiveView& view) {
    constexpr int n_sorts = 4;
    switch (key) {
        case LiveKey::up:
            return move(sources, view, -1);
        case LiveKey::down:
            return move(sources, view, 1);
        case LiveKey::enter:
            if (const LiveSource* chosen = chosen_source(view, sources)) {
                view.source = chosen->id;
                view.alone = true;
            }
            return;
        case LiveKey::leave:
            view.alone = view.alone && view.help;
            view.help = false;
            return;
        case LiveKey::device:
            ++view.device;
            return;
        case LiveKey::pause:
            view.paused = !view.paused;
            return;
        case LiveKey::sort:
            view.sort = static_cast<LiveSort>((static_cast<int>(view.sort) + 1) % n_sorts);
            return;
        case LiveKey::help:
            view.help = !view.help;
            return;
        case LiveKey::mark:
        case LiveKey::baseline:
        case LiveKey::quit:
            return;
    }
}

}  // namespace hexcore
