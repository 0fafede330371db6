#include "hexcore/device/host_arena.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "hexcore/device/host_memory.hpp"

// Kernels have these before the C library's headers do.
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

namespace hexcore {
namespace {

constexpr Bytes huge_page = 2_MiB;

Bytes page() {
    static const Bytes size(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
    return size;
}

Bytes in_pages(Bytes size) { return round_up(size, page()); }

void unmap(std::byte* begin, Bytes size) noexcept {
    if (size > Bytes{}) {
        const int status = ::munmap(begin, size.count());
        HEXCORE_CHECK(status == 0, status, size.count());
    }
}

/// Address space for `size` bytes at the alignment asked for, with one guard page on either side.
/// Returns where the bytes begin, or null with errno set.
std::byte* reserve_guarded(Bytes size, Bytes alignment) {
    const Bytes guard = page();
    const Bytes whole = size + guard * 2 + alignment;
    void* mapped = ::mmap(nullptr, whole.count(), PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
        return nullptr;
    }
    auto* const base = static_cast<std::byte*>(mapped);
    const Bytes first(reinterpret_cast<std::uintptr_t>(base) + guard.count());
    const Bytes before = round_up(first, alignment) - first;
    unmap(base, before);
    std::byte* const begin = base + before.count() + guard.count();
    unmap(begin + size.count() + guard.count(), alignment - before);
    return begin;
}

void release_guarded(std::byte* begin, Bytes size) noexcept {
    unmap(begin - page().count(), size + page() * 2);
}

void touch(std::byte* begin, Bytes size) {
    for (Bytes offset; offset < size; offset += page()) {
        *static_cast<volatile std::byte*>(begin + offset.count()) = std::byte{};
    }
}

/// Lets the kernel make every page resident. Returns 0, or what errno says.
int populate(std::byte* begin, Bytes size) {
    while (::madvise(begin, size.count(), MADV_POPULATE_WRITE) != 0) {
        if (errno != EAGAIN && errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/// The same by several threads, since most of it is the kernel writing zeros: each takes one slice
/// after another.
int populate_in_parallel(std::byte* begin, Bytes size) {
    constexpr std::uint64_t slice = (16_MiB).count();
    const auto n_threads = static_cast<unsigned>(
        std::min<std::uint64_t>({size.count() / slice, std::thread::hardware_concurrency(), 8}));
    std::atomic<std::uint64_t> next{0};
    std::atomic<int> error{0};
    const auto work = [&] {
        while (error == 0) {
            const std::uint64_t offset = next.fetch_add(slice);
            if (offset >= size.count()) {
                return;
            }
            if (const int status =
                    populate(begin + offset, Bytes(std::min(slice, size.count() - offset)))) {
                error = status;
            }
        }
    };
    std::vector<std::thread> helpers;
    try {
        for (unsigned i = 1; i < n_threads; ++i) {
            helpers.emplace_back(work);
        }
    } catch (const std::system_error&) {
        // Without a further thread those that are there take longer.
    }
    work();
    for (std::thread& helper : helpers) {
        helper.join();
    }
    return error;
}

/// Makes every page resident. Returns false, with errno set, where the kernel has no page left.
bool commit_pages(std::byte* begin, Bytes size, Commit how) {
    if (how == Commit::automatic) {
        const int status = populate_in_parallel(begin, size);
        if (status != EINVAL) {
            errno = status;
            return status == 0;
        }
    }
    touch(begin, size);
    return true;
}

tl::unexpected<Error> refused(const HostMappingOptions& options, Bytes size, const char* step) {
    const int error = errno;
    return fail(
        ErrorCode::does_not_fit,
        "{} bytes ({}){}{} could not be {}: {}; ask for less, or raise the limit that is in "
        "the way (ulimit -v, ulimit -d, vm.overcommit_memory)",
        size.count(), to_string(size), options.name.empty() ? "" : " of ", options.name, step,
        std::strerror(error));
}

Result<void> check_available(Bytes size, const HostMappingOptions& options) {
    HEXCORE_TRY(memory, probe_host_memory(options.root));
    if (size <= memory.available) {
        return {};
    }
    return fail(ErrorCode::does_not_fit,
                "{} bytes ({}){}{} are {} bytes more than the {} that the {} has available; free "
                "memory, or give the device a smaller budget",
                size.count(), to_string(size), options.name.empty() ? "" : " of ", options.name,
                (size - memory.available).count(), to_string(memory.available),
                memory.cgroup_limit ? "control group " + memory.cgroup_path : "machine");
}

}  // namespace

Result<HostMapping> HostMapping::create(Bytes size, const HostMappingOptions& options) {
    if (size == Bytes{}) {
        return HostMapping();
    }
    // Checked first, also because the sums below would overflow for absurd sizes.
    HEXCORE_TRY_VOID(check_available(size, options));
    const Bytes whole = in_pages(size);
    const bool huge = size >= huge_page;
    std::byte* const begin = reserve_guarded(whole, huge ? huge_page : page());
    if (begin == nullptr) {
        return refused(options, size, "mapped");
    }
    HostMapping mapping(begin, size);
    if (::mprotect(begin, whole.count(), PROT_READ | PROT_WRITE) != 0) {
        return refused(options, size, "mapped");
    }
    if (huge) {
        // Only faster, never necessary: kernels without huge pages refuse.
        (void)::madvise(begin, whole.count(), MADV_HUGEPAGE);
    }
    if (!options.name.empty()) {
        // Kernels built without CONFIG_ANON_VMA_NAME refuse; the name is for people only.
        (void)::prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, begin, whole.count(), options.name.c_str());
    }
    if (!commit_pages(begin, whole, options.commit)) {
        return refused(options, size, "committed");
    }
    return mapping;
}

Result<HostMapping> HostMapping::create(Bytes size, std::string name) {
    return create(size, HostMappingOptions{.name = std::move(name)});
}

HostMapping::HostMapping(HostMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, Bytes{})) {}

HostMapping& HostMapping::operator=(HostMapping&& other) noexcept {
    if (this != &other) {
        release();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, Bytes{});
    }
    return *this;
}

AddressRange HostMapping::range() const {
    return {reinterpret_cast<std::uintptr_t>(data_), in_pages(size_)};
}

void HostMapping::release() noexcept {
    if (data_ != nullptr) {
        release_guarded(std::exchange(data_, nullptr), in_pages(std::exchange(size_, Bytes{})));
    }
}

}  // namespace hexcore
