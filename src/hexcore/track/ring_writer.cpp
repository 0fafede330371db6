// A full disk ends a program that writes to a mapping of a file with holes; so all of the file is
// reserved first.
#include "hexcore/track/ring_writer.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {
namespace {

constexpr std::size_t alignment = 8;

/// A text without the rest, and without a character in halves at its end.
std::string_view cut(std::string_view text) {
    if (text.size() <= ring_text_bytes_max) {
        return text;
    }
    std::size_t size = ring_text_bytes_max;
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80U) {
        --size;
    }
    return text.substr(0, size);
}

/// Other threads may make and read this at the same time; each ring has another.
unsigned next_number() {
    static std::atomic<unsigned> number{0};
    return number.fetch_add(1);
}

/// One of this user's that nobody else can write to: nothing is left in another user's.
bool is_own_folder(const std::string& folder) {
    struct stat facts {};
    return ::stat(folder.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
           facts.st_uid == ::geteuid() && (facts.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// Whether the folder's watcher has died: it would keep its file locked.
bool is_left(const std::string& folder) {
    const FileDescriptor file(::open((folder + "/" + watcher_file).c_str(),
                                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return file.is_open() && ::flock(file.get(), LOCK_SH | LOCK_NB) == 0;
}

/// Whether a file may be that large. Where it may not, reserving its space would end the program
/// with a signal.
bool may_be_written(std::size_t size) {
    rlimit most{};
    return ::getrlimit(RLIMIT_FSIZE, &most) != 0 || most.rlim_cur >= size;
}

/// Above the numbers that programs give to their own files, or close without looking.
int moved_up(int descriptor) {
    constexpr int least = 500;
    const int high = ::fcntl(descriptor, F_DUPFD_CLOEXEC, least);
    if (high < 0) {
        return descriptor;  // so many are not allowed
    }
    ::close(descriptor);
    return high;
}

}  // namespace

std::unique_ptr<RingWriter> RingWriter::make(const std::string& folder, std::uint64_t capacity) {
    const std::size_t size = ring_data_offset + capacity;
    if (!is_own_folder(folder) || is_left(folder) || !may_be_written(size)) {
        return nullptr;
    }
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::string path = folder + "/" + std::to_string(::getpid()) + "-" +
                             std::to_string(now.tv_nsec) + "-" + std::to_string(next_number());
    int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) {
        return nullptr;
    }
    descriptor = moved_up(descriptor);
    void* mapping = MAP_FAILED;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 &&
        ::posix_fallocate(descriptor, 0, static_cast<off_t>(size)) == 0) {
        mapping = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    }
    if (mapping == MAP_FAILED) {
        ::unlink(path.c_str());
        ::close(descriptor);
        return nullptr;
    }
    std::unique_ptr<RingWriter> writer(new RingWriter(folder, descriptor, mapping, capacity));
    auto* header = new (mapping) RingHeader{};
    header->magic = ring_magic;
    header->pid = static_cast<std::uint32_t>(::getpid());
    header->capacity = capacity;
    if (::rename(path.c_str(), (path + ring_suffix).c_str()) != 0) {
        ::unlink(path.c_str());
        return nullptr;
    }
    return writer;
}

RingWriter::RingWriter(std::string folder, int descriptor, void* mapping, std::uint64_t capacity)
    : folder_(std::move(folder)), descriptor_(descriptor), mapping_(mapping), capacity_(capacity) {
    ::fstat(descriptor, &file_);
}

RingWriter::~RingWriter() {
    ::munmap(mapping_, ring_data_offset + capacity_);
    // The program may have closed it, and given its number to a file of its own.
    struct stat now {};
    if (::fstat(descriptor_, &now) == 0 && now.st_dev == file_.st_dev &&
        now.st_ino == file_.st_ino) {
        ::close(descriptor_);
    }
}

void RingWriter::count_lost(std::uint64_t records) {
    header().lost.fetch_add(records, std::memory_order_relaxed);
}

void RingWriter::leave_to_parent() {
    if (::mmap(mapping_, ring_data_offset + capacity_, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == mapping_) {
        header().abandoned.store(1, std::memory_order_relaxed);
    }
}

bool RingWriter::is_abandoned() const {
    return header().abandoned.load(std::memory_order_relaxed) != 0;
}

void RingWriter::note_if_left(std::uint64_t time_ns) {
    constexpr std::uint64_t between_ns = 1'000'000'000;
    if (time_ns >= next_look_ns_) {
        next_look_ns_ = time_ns + between_ns;
        if (is_left(folder_)) {
            header().abandoned.store(1, std::memory_order_relaxed);
        }
    }
}

void RingWriter::copy(std::uint64_t position, const void* from, std::size_t size) {
    char* data = static_cast<char*>(mapping_) + ring_data_offset;
    const std::uint64_t at = position & (capacity_ - 1);
    const std::size_t before_end = std::min<std::uint64_t>(size, capacity_ - at);
    std::memcpy(data + at, from, before_end);
    std::memcpy(data, static_cast<const char*>(from) + before_end, size - before_end);
}

bool RingWriter::put(const RingRecord& record) {
    std::size_t size = sizeof(RingRecordHeader) + record.numbers.size_bytes() +
                       record.texts.size() * sizeof(std::uint16_t);
    for (const std::string_view text : record.texts) {
        size += cut(text).size();
    }
    size = (size + alignment - 1) / alignment * alignment;
    const std::uint64_t head = header().head.load(std::memory_order_relaxed);
    const std::uint64_t tail = header().tail.load(std::memory_order_acquire);
    // The tail is the watcher's, or anybody's who has the file: no more than bytes are at stake.
    if (size > ring_record_bytes_max || tail > head || size > capacity_ - (head - tail) ||
        head - tail > capacity_) {
        count_lost(1);
        note_if_left(record.time_ns);
        return false;
    }
    const RingRecordHeader begin{static_cast<std::uint32_t>(size),
                                 static_cast<std::uint8_t>(record.kind),
                                 record.detail,
                                 record.depth,
                                 static_cast<std::uint16_t>(record.numbers.size()),
                                 static_cast<std::uint16_t>(record.texts.size()),
                                 record.thread,
                                 record.holder,
                                 0,
                                 record.time_ns};
    std::uint64_t at = head;
    copy(at, &begin, sizeof(begin));
    at += sizeof(begin);
    copy(at, record.numbers.data(), record.numbers.size_bytes());
    at += record.numbers.size_bytes();
    for (const std::string_view text : record.texts) {
        const auto length = static_cast<std::uint16_t>(cut(text).size());
        copy(at, &length, sizeof(length));
        at += sizeof(length);
    }
    for (const std::string_view text : record.texts) {
        copy(at, text.data(), cut(text).size());
        at += cut(text).size();
    }
    header().head.store(head + size, std::memory_order_release);
    return true;
}

}  // namespace hexcore
