#include "hexcore/watch/told_source.hpp"

#include <utility>

namespace hexcore {

ToldSource::ToldSource() {
    auto folder = WatchFolder::make();
    if (folder) {
        folder_ = std::move(*folder);
    } else {
        notes_ = fmt::format("What programs tell of themselves could not be heard: {}. ",
                             folder.error().message);
    }
}

std::vector<std::string> ToldSource::variables(bool stacks) const {
    if (folder_ == nullptr) {
        return {};
    }
    return {fmt::format("{}={}", watch_variable, folder_->path().string()),
            fmt::format("{}={}", stacks_variable, stacks ? 1 : 0)};
}

void ToldSource::begin(std::chrono::steady_clock::time_point start, ProcessTree& tree,
                       std::mutex& mutex) {
    if (folder_ == nullptr) {
        return;
    }
    listener_ = std::make_unique<Listener>(Listening{.folder = folder_->path(),
                                                     .start = start,
                                                     .find =
                                                         [&](std::uint32_t pid) {
                                                             const std::lock_guard lock(mutex);
                                                             return tree.find(pid);
                                                         },
                                                     .add_unseen =
                                                         [&](std::uint32_t pid) {
                                                             const std::lock_guard lock(mutex);
                                                             return tree.add_unseen(pid);
                                                         }});
}

void ToldSource::listen(RecordedTime now, RecordSink& sink) {
    if (listener_ != nullptr) {
        listener_->listen(now, sink);
    }
}

void ToldSource::finish(RecordedTime now, RecordSink& sink) {
    if (listener_ != nullptr) {
        listener_->finish(now, sink);
        notes_ += listener_->notes();
        listener_.reset();
    }
}

}  // namespace hexcore
