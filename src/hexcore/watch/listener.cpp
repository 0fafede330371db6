// The rings of several programs are read at once, record by record in the order of time, so that
// what is told on has one order. A ring that is looked at first may get a record that is older than
// the last of one that is looked at later: it counts as told with that one.
#include "hexcore/watch/listener.hpp"

#include <dirent.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace hexcore {
namespace {

/// Of files in the folder, rings or not.
constexpr std::size_t files_max = 4096;

}  // namespace

Listener::Listener(Listening listening) : listening_(std::move(listening)) {}

void Listener::find_rings() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(listening_.folder.c_str()),
                                                     ::closedir);
    if (folder == nullptr) {
        return;
    }
    while (const dirent* entry = ::readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name.ends_with(ring_suffix) && known_.size() < files_max &&
            known_.emplace(name).second) {
            add_ring(listening_.folder / name);
        }
    }
}

void Listener::add_ring(const std::filesystem::path& path) {
    auto ring = RingReader::open(path.string());
    if (ring == nullptr) {
        ++unreadable_;
        return;
    }
    auto program = std::make_unique<Program>();
    program->path = path;
    ProcessRef process = listening_.find(ring->pid());
    program->told = std::make_unique<ToldProgram>(
        process != nullptr ? std::move(process) : listening_.add_unseen(ring->pid()), names_,
        [this, self = program.get()](std::uint32_t thread) {
            return label_elsewhere(*self, thread);
        });
    program->ring = std::move(ring);
    programs_.push_back(std::move(program));
}

TextRef Listener::label_elsewhere(const Program& program, std::uint32_t thread) const {
    for (const auto& other : programs_) {
        if (other.get() != &program && other->ring->pid() == program.ring->pid()) {
            if (TextRef label = other->told->innermost_label(thread)) {
                return label;
            }
        }
    }
    return nullptr;
}

/// What a program says of the time is between what was told before and now.
RecordedTime Listener::time_of(const RingRecord& record, RecordedTime now) {
    const auto since_boot = std::chrono::nanoseconds(
        static_cast<std::int64_t>(std::min<std::uint64_t>(record.time_ns, INT64_MAX)));
    const auto time = std::chrono::duration_cast<RecordedTime>(
        since_boot -
        std::chrono::duration_cast<std::chrono::nanoseconds>(listening_.start.time_since_epoch()));
    latest_ = std::clamp(time, latest_, std::max(now, latest_));
    return latest_;
}

void Listener::read_rings(RecordedTime now, RecordSink& sink) {
    for (const auto& program : programs_) {
        program->next = program->ring->look() ? program->ring->next() : nullptr;
    }
    while (true) {
        Program* earliest = nullptr;
        for (const auto& program : programs_) {
            if (program->next != nullptr &&
                (earliest == nullptr || program->next->time_ns < earliest->next->time_ns)) {
                earliest = program.get();
            }
        }
        if (earliest == nullptr) {
            return;
        }
        earliest->told->record(*earliest->next, time_of(*earliest->next, now), sink);
        earliest->next = earliest->ring->next();
    }
}

void Listener::tell_losses(RecordedTime now, RecordSink& sink) {
    for (const auto& program : programs_) {
        if (const std::uint64_t lost = program->ring->take_lost(); lost > 0) {
            sink.lost({now, program->told->process(), lost});
        }
    }
}

void Listener::forget_ended(RecordedTime now, RecordSink& sink) {
    std::erase_if(programs_, [&](const std::unique_ptr<Program>& program) {
        if (!program->has_ended && !program->ring->is_broken()) {
            return false;
        }
        program->told->end(now, sink);
        if (program->has_ended) {
            std::error_code error;
            std::filesystem::remove(program->path, error);
            known_.erase(program->path.filename().string());
        }
        return true;
    });
}

void Listener::look(RecordedTime now) {
    constexpr std::chrono::milliseconds between(50);
    if (now < next_look_) {
        return;
    }
    next_look_ = now + between;
    find_rings();
    for (const auto& program : programs_) {
        // Before its ring is read: what it told up to its end is seen then.
        program->has_ended = program->ring->has_ended();
        ProcessRef process = listening_.find(program->ring->pid());
        // It may have got another name; another process may have got its pid.
        if (process != nullptr && process->number == program->told->process()->number) {
            program->told->set_process(std::move(process));
        }
    }
}

void Listener::listen(RecordedTime now, RecordSink& sink) {
    look(now);
    read_rings(now, sink);
    tell_losses(now, sink);
    for (const auto& program : programs_) {
        program->told->tell_amounts(now, sink);
    }
    forget_ended(now, sink);
    latest_ = std::max(latest_, now);  // amounts were told of now, and nothing may be older
}

void Listener::finish(RecordedTime now, RecordSink& sink) {
    next_look_ = {};
    listen(now, sink);
    for (const auto& program : programs_) {
        program->ring->abandon();
        program->told->end(now, sink);
    }
    programs_.clear();
}

std::string Listener::notes() const {
    std::string notes = names_.notes();
    if (unreadable_ > 0) {
        notes +=
            fmt::format("What {} programs told of themselves could not be read. ", unreadable_);
    }
    return notes;
}

}  // namespace hexcore
