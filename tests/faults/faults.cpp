#include "faults/faults.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "ggml-backend.h"

// Everything here runs below the C++ library and, under a sanitizer, before that is set up: no
// allocation, no lock, and only what is trivially initialised.

namespace hexcore::test {
namespace {

constexpr std::size_t large = std::size_t{64} << 10U;

std::atomic<bool> armed{false};
std::atomic<Faults::Of> counted{Faults::Of::requests};
std::atomic<std::size_t> calls{0};
std::atomic<std::size_t> failing{0};
std::atomic<int> failed_kind{-1};
std::atomic<const std::function<void()>*> to_happen{nullptr};

/// Counts a call; true where it is the one that must fail.
bool fails(Asked what) {
    const Faults::Of other = what == Asked::read ? Faults::Of::requests : Faults::Of::reads;
    if (!armed.load() || counted.load() == other || calls.fetch_add(1) + 1 != failing.load()) {
        return false;
    }
    if (const std::function<void()>* const happening = to_happen.exchange(nullptr)) {
        (*happening)();
        return false;
    }
    failed_kind = static_cast<int>(what);
    return true;
}

/// The C library's function, or the sanitizer's in its place.
template <typename Function>
Function* next(std::atomic<Function*>& known, const char* name) {
    if (known.load() == nullptr) {
        known = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
    }
    return known.load();
}

/// ggml_init() asserts that it gets the memory for its bookkeeping, which ends the program.
bool is_for_ggml_init() {
    std::array<void*, 4> frames{};
    const int depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
    for (int i = 0; i < depth; ++i) {
        Dl_info info{};
        if (::dladdr(frames[static_cast<std::size_t>(i)], &info) != 0 &&
            info.dli_sname != nullptr && std::strcmp(info.dli_sname, "ggml_init") == 0) {
            return true;
        }
    }
    return false;
}

/// Neither main memory nor a device of Hexcore's, which asks for what is within.
bool is_elsewhere(ggml_backend_buffer_type_t type) {
    ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
    return device != nullptr && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_GPU &&
           std::strcmp(ggml_backend_reg_name(ggml_backend_dev_backend_reg(device)), "Hexcore") != 0;
}

}  // namespace

const char* to_string(Asked what) {
    switch (what) {
        case Asked::mapping:
            return "mapping";
        case Asked::commit:
            return "commit";
        case Asked::thread:
            return "thread";
        case Asked::file:
            return "file";
        case Asked::buffer:
            return "buffer";
        case Asked::device:
            return "device";
        case Asked::memory:
            return "memory";
        case Asked::read:
            return "read";
    }
    return "";
}

Faults::Faults(Of which, std::size_t fail_at) {
    calls = 0;
    failing = fail_at;
    failed_kind = -1;
    counted = which;
    armed = true;
}

Faults::Faults(Of which, std::size_t at, const std::function<void()>& what) : Faults(which) {
    to_happen = &what;
    failing = at;
}

Faults::~Faults() {
    armed = false;
    to_happen = nullptr;
}

std::size_t Faults::count() const { return calls.load(); }

std::string Faults::failed() const {
    const int kind = failed_kind.load();
    return kind < 0 ? "" : to_string(static_cast<Asked>(kind));
}

bool Faults::happened() const { return to_happen.load() == nullptr; }

}  // namespace hexcore::test

using hexcore::test::Asked;

extern "C" {

using Mmap = void*(void*, std::size_t, int, int, int, off_t);
void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
    static std::atomic<Mmap*> real{nullptr};
    if (hexcore::test::fails(Asked::mapping)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return hexcore::test::next(real, "mmap")(at, size, protection, flags, file, offset);
}
void* mmap64(void* at, std::size_t size, int protection, int flags, int file,
             off64_t offset) noexcept {
    return mmap(at, size, protection, flags, file, offset);
}

using Mprotect = int(void*, std::size_t, int);
int mprotect(void* at, std::size_t size, int protection) noexcept {
    static std::atomic<Mprotect*> real{nullptr};
    if (hexcore::test::fails(Asked::mapping)) {
        errno = ENOMEM;
        return -1;
    }
    return hexcore::test::next(real, "mprotect")(at, size, protection);
}

using Madvise = int(void*, std::size_t, int);
int madvise(void* at, std::size_t size, int advice) noexcept {
    static std::atomic<Madvise*> real{nullptr};
    constexpr int populate_write = 23;
    if (advice == populate_write && hexcore::test::fails(Asked::commit)) {
        errno = ENOMEM;
        return -1;
    }
    return hexcore::test::next(real, "madvise")(at, size, advice);
}

using PthreadCreate = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
    static std::atomic<PthreadCreate*> real{nullptr};
    if (hexcore::test::fails(Asked::thread)) {
        return EAGAIN;
    }
    return hexcore::test::next(real, "pthread_create")(thread, attributes, start, argument);
}

using Open = int(const char*, int, ...);
int open(const char* path, int flags, ...) {
    static std::atomic<Open*> real{nullptr};
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (hexcore::test::fails(Asked::file)) {
        errno = EMFILE;
        return -1;
    }
    return hexcore::test::next(real, "open")(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    return open(path, flags, mode);
}

using Fopen = std::FILE*(const char*, const char*);
std::FILE* fopen(const char* path, const char* mode) {
    static std::atomic<Fopen*> real{nullptr};
    if (hexcore::test::fails(Asked::file)) {
        errno = EMFILE;
        return nullptr;
    }
    return hexcore::test::next(real, "fopen")(path, mode);
}
std::FILE* fopen64(const char* path, const char* mode) { return fopen(path, mode); }

using PosixMemalign = int(void**, std::size_t, std::size_t);
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
    static std::atomic<PosixMemalign*> real{nullptr};
    if (hexcore::test::armed.load() && !hexcore::test::is_for_ggml_init() &&
        hexcore::test::fails(Asked::buffer)) {
        return ENOMEM;
    }
    return hexcore::test::next(real, "posix_memalign")(memory, alignment, size);
}

using AllocBuffer = ggml_backend_buffer_t(ggml_backend_buffer_type_t, std::size_t);
ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t type,
                                                     std::size_t size) {
    static std::atomic<AllocBuffer*> real{nullptr};
    if (hexcore::test::armed.load() && hexcore::test::is_elsewhere(type) &&
        hexcore::test::fails(Asked::device)) {
        return nullptr;
    }
    return hexcore::test::next(real, "ggml_backend_buft_alloc_buffer")(type, size);
}

using Pread = ssize_t(int, void*, std::size_t, off_t);
ssize_t pread(int file, void* into, std::size_t size, off_t offset) {
    static std::atomic<Pread*> real{nullptr};
    if (hexcore::test::fails(Asked::read)) {
        errno = EIO;
        return -1;
    }
    return hexcore::test::next(real, "pread")(file, into, size, offset);
}
ssize_t pread64(int file, void* into, std::size_t size, off64_t offset) {
    return pread(file, into, size, offset);
}

using Fread = std::size_t(void*, std::size_t, std::size_t, std::FILE*);
std::size_t fread(void* into, std::size_t size, std::size_t count, std::FILE* file) {
    static std::atomic<Fread*> real{nullptr};
    if (hexcore::test::fails(Asked::read)) {
        errno = EIO;
        return 0;
    }
    return hexcore::test::next(real, "fread")(into, size, count, file);
}

}  // extern "C"

void* operator new(std::size_t size) {
    void* memory = nullptr;
    if (size < hexcore::test::large || !hexcore::test::fails(Asked::memory)) {
        memory = std::malloc(size == 0 ? 1 : size);
    }
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
