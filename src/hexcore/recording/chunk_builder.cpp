#include "hexcore/recording/chunk_builder.hpp"

#include <algorithm>

#include "hexcore/base/printable.hpp"
#include "hexcore/recording/chunk.hpp"

namespace hexcore {
namespace {

// So that one record, with all that it refers to, is no larger than a chunk: a row of the most
// processes, amounts of the most names.
constexpr std::size_t longest_command = 160;
constexpr std::size_t longest_name = 1024;

}  // namespace

ChunkBuilder::ChunkBuilder() {
    bytes_.reserve(chunk_bytes_max);
    processes_.reserve(recorded_processes_max);
}

void ChunkBuilder::start() {
    bytes_.clear();
    n_records_ = 0;
    has_time_ = false;
    first_ = last_;
    processes_.clear();
    texts_.clear();
    holders_.clear();
    stacks_.clear();
}

void ChunkBuilder::add(RecordKind kind, const RecordWriter& fields) {
    frame_.clear();
    frame_.number(static_cast<std::uint64_t>(kind));
    frame_.number(fields.bytes().size());
    bytes_ += frame_.bytes();
    bytes_ += fields.bytes();
    ++n_records_;
}

void ChunkBuilder::extend(RecordedTime time) {
    if (!has_time_) {
        begun_ = first_ = last_ = time;
        has_time_ = true;
    }
    first_ = std::min(first_, time);
    last_ = std::max(last_, time);
}

std::uint64_t ChunkBuilder::refer(const ProcessRef& process) {
    ProcessRef& told = processes_[process->number];
    if (told != process) {
        told = process;
        fields_.clear();
        fields_.number(process->number);
        fields_.number(process->pid);
        fields_.text(shortened(process->command, longest_command));
        add(RecordKind::process, fields_);
    }
    return process->number;
}

std::uint64_t ChunkBuilder::refer(const TextRef& text) {
    if (text == nullptr) {
        return 0;
    }
    if (texts_.insert(text->number).second) {
        fields_.clear();
        fields_.number(text->number);
        fields_.text(shortened(text->text, longest_name));
        add(RecordKind::text, fields_);
    }
    return text->number;
}

std::uint64_t ChunkBuilder::refer(const HolderRef& holder) {
    if (holders_.insert(holder->number).second) {
        // A newer name of its process may have been told.
        const auto process = processes_.find(holder->process->number);
        if (process == processes_.end()) {
            refer(holder->process);
        }
        fields_.clear();
        fields_.number(holder->number);
        fields_.number(holder->process->number);
        fields_.number(static_cast<std::uint64_t>(holder->kind));
        fields_.text(shortened(holder->device, longest_name));
        fields_.number(std::min(holder->total, recorded_bytes_max).count());
        add(RecordKind::holder, fields_);
    }
    return holder->number;
}

std::uint64_t ChunkBuilder::refer(const StackRef& stack) {
    if (stack == nullptr) {
        return 0;
    }
    if (stacks_.insert(stack->number).second) {
        const std::size_t n_frames = std::min(stack->frames.size(), recorded_frames_max);
        for (std::size_t i = 0; i < n_frames; ++i) {
            refer(stack->frames[i].module);
        }
        fields_.clear();
        fields_.number(stack->number);
        fields_.number(n_frames);
        for (std::size_t i = 0; i < n_frames; ++i) {
            fields_.number(refer(stack->frames[i].module));
            fields_.number(stack->frames[i].offset);
        }
        add(RecordKind::stack, fields_);
    }
    return stack->number;
}

}  // namespace hexcore
