#include "hexcore/track/ring_reader.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace hexcore {
namespace {

constexpr std::uint64_t capacity_least = 4096;
constexpr std::uint64_t most_lost = 1ULL << 53U;
constexpr std::size_t piece_bytes = 2 * std::size_t{ring_record_bytes_max};

/// Whether the process has a file of that name, no other's, in its memory.
bool has_mapped(std::uint32_t pid, const std::string& file_name) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.ends_with(file_name)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::unique_ptr<RingReader> RingReader::open(const std::string& path) {
    // Not waiting for whoever would write to a pipe.
    FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat facts {};
    if (!file.is_open() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode) ||
        facts.st_uid != ::geteuid()) {
        return nullptr;
    }
    struct Begin {
        std::array<char, 16> magic;
        std::uint32_t pid;
        std::uint32_t unused;
        std::uint64_t capacity;
    } begin{};
    if (file.read_at(&begin, sizeof(begin), 0) != sizeof(begin) || begin.magic != ring_magic ||
        !std::has_single_bit(begin.capacity) || begin.capacity < capacity_least ||
        begin.capacity > ring_capacity_max) {
        return nullptr;
    }
    return std::unique_ptr<RingReader>(
        new RingReader(std::move(file), "/" + std::filesystem::path(path).filename().string(),
                       begin.pid, begin.capacity));
}

RingReader::RingReader(FileDescriptor file, std::string name, std::uint32_t pid,
                       std::uint64_t capacity)
    : file_(std::move(file)),
      name_(std::move(name)),
      pid_(pid),
      capacity_(capacity),
      piece_(piece_bytes) {}

/// The program may be changing them, and they are read as bytes: so until they are as they were a
/// time before; mostly at the last look, if it tells nothing.
RingReader::Counters RingReader::counters() const {
    constexpr int most_tries = 100;
    static_assert(offsetof(RingHeader, lost) ==
                  offsetof(RingHeader, head) + sizeof(Counters::head));
    Counters before{head_, lost_};
    Counters now;
    for (int i = 0; i < most_tries; ++i) {
        if (file_.read_at(&now, sizeof(now), offsetof(RingHeader, head)) != sizeof(now)) {
            return {};
        }
        if (now.head == before.head && now.lost == before.lost) {
            break;
        }
        before = now;
    }
    return now;
}

bool RingReader::look() {
    if (broken_) {
        return false;
    }
    const auto [head, lost] = counters();
    std::atomic_thread_fence(std::memory_order_acquire);  // before what it says is there
    if (lost > lost_ && lost < most_lost) {
        lost_ = lost;
    }
    if (head < head_ || head - tail_ > capacity_) {
        broken_ = true;
        return false;
    }
    head_ = head;
    return head_ != tail_;
}

const RingRecord* RingReader::next() {
    if (broken_ || tail_ == head_) {
        free_what_was_read();
        return nullptr;
    }
    if (!has_whole_record() && !(refill() && has_whole_record())) {
        broken_ = true;
        return nullptr;
    }
    std::uint32_t size = 0;
    std::memcpy(&size, piece_.data() + position_, sizeof(size));
    if (!parse(piece_.data() + position_, size)) {
        broken_ = true;
        return nullptr;
    }
    position_ += size;
    tail_ += size;
    return &record_;
}

bool RingReader::has_whole_record() const {
    const std::size_t left = filled_ - position_;
    if (left < sizeof(RingRecordHeader)) {
        return false;
    }
    std::uint32_t size = 0;
    std::memcpy(&size, piece_.data() + position_, sizeof(size));
    return size >= sizeof(RingRecordHeader) && size <= left;
}

bool RingReader::refill() {
    free_what_was_read();
    filled_ = std::min<std::uint64_t>(piece_.size(), head_ - tail_);
    position_ = 0;
    const std::uint64_t at = tail_ & (capacity_ - 1);
    const std::size_t before_end = std::min<std::uint64_t>(filled_, capacity_ - at);
    const std::size_t wrapped = filled_ - before_end;
    return file_.read_at(piece_.data(), before_end, static_cast<off_t>(ring_data_offset + at)) ==
               static_cast<ssize_t>(before_end) &&
           (wrapped == 0 || file_.read_at(piece_.data() + before_end, wrapped, ring_data_offset) ==
                                static_cast<ssize_t>(wrapped));
}

void RingReader::free_what_was_read() {
    if (freed_ != tail_) {
        freed_ = tail_;
        (void)!::pwrite(file_.get(), &freed_, sizeof(freed_), offsetof(RingHeader, tail));
    }
}

bool RingReader::parse(const char* at, std::size_t size) {
    RingRecordHeader header{};
    std::memcpy(&header, at, sizeof(header));
    const std::size_t numbers_bytes = header.n_numbers * sizeof(std::uint64_t);
    const std::size_t lengths_bytes = header.n_texts * sizeof(std::uint16_t);
    if (size < sizeof(header) + numbers_bytes + lengths_bytes) {
        return false;
    }
    numbers_.resize(header.n_numbers);
    if (numbers_bytes > 0) {
        std::memcpy(numbers_.data(), at + sizeof(header), numbers_bytes);
    }
    const char* length_at = at + sizeof(header) + numbers_bytes;
    const char* text_at = length_at + lengths_bytes;
    texts_.clear();
    for (std::uint16_t i = 0; i < header.n_texts; ++i) {
        std::uint16_t length = 0;
        std::memcpy(&length, length_at + i * sizeof(length), sizeof(length));
        if (length > ring_text_bytes_max || length > at + size - text_at) {
            return false;
        }
        texts_.emplace_back(text_at, length);
        text_at += length;
    }
    record_ = {.kind = static_cast<RingKind>(header.kind),
               .detail = header.detail,
               .depth = header.depth,
               .thread = header.thread,
               .holder = header.holder,
               .time_ns = header.time_ns,
               .numbers = numbers_,
               .texts = texts_};
    return true;
}

std::uint64_t RingReader::take_lost() { return lost_ - std::exchange(told_lost_, lost_); }

bool RingReader::has_ended() const {
    if (::flock(file_.get(), LOCK_SH | LOCK_NB) != 0) {
        return false;
    }
    ::flock(file_.get(), LOCK_UN);
    return !has_mapped(pid_, name_);
}

void RingReader::abandon() {
    const std::uint32_t yes = 1;
    (void)!::pwrite(file_.get(), &yes, sizeof(yes), offsetof(RingHeader, abandoned));
}

}  // namespace hexcore
