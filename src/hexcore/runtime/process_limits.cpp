#include "hexcore/runtime/process_limits.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

namespace hexcore {
namespace {

/// A mapping that is given back.
class TriedMapping {
public:
    explicit TriedMapping(Bytes size)
        : size_(size.count()),
          start_(::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                        0)) {}
    ~TriedMapping() {
        if (is_there()) {
            ::munmap(start_, size_);
        }
    }
    TriedMapping(const TriedMapping&) = delete;
    TriedMapping& operator=(const TriedMapping&) = delete;

    [[nodiscard]] bool is_there() const { return start_ != MAP_FAILED; }
    [[nodiscard]] bool becomes_memory(Bytes size) {
        return ::mprotect(start_, size.count(), PROT_READ | PROT_WRITE) == 0;
    }

private:
    std::size_t size_;
    void* start_;
};

/// Threads that do nothing, least of all allocate, until they are ended together.
class TriedThreads {
public:
    TriedThreads() { ::pthread_attr_init(&attributes_); }
    ~TriedThreads() {
        over_ = 1;
        over_.notify_all();
        for (const pthread_t thread : threads_) {
            ::pthread_join(thread, nullptr);
        }
        ::pthread_attr_destroy(&attributes_);
    }
    TriedThreads(const TriedThreads&) = delete;
    TriedThreads& operator=(const TriedThreads&) = delete;

    /// 0, or what errno says of the first that did not start.
    [[nodiscard]] int start(int count, Bytes stack) {
        ::pthread_attr_setstacksize(&attributes_, stack.count());
        threads_.reserve(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) {
            pthread_t thread{};
            if (const int error = ::pthread_create(&thread, &attributes_, wait, &over_)) {
                return error;
            }
            threads_.push_back(thread);
        }
        return 0;
    }

private:
    static void* wait(void* over) {
        static_cast<std::atomic<int>*>(over)->wait(0);
        return nullptr;
    }

    std::atomic<int> over_{0};
    pthread_attr_t attributes_{};
    std::vector<pthread_t> threads_;
};

/// What libgomp understands of a number with B, K, M or G behind it, or nothing for K.
std::optional<Bytes> stack_of(const char* text) {
    if (text == nullptr) {
        return std::nullopt;
    }
    char* end = nullptr;
    errno = 0;
    const std::uint64_t number = std::strtoull(text, &end, 10);
    if (end == text || errno != 0) {
        return std::nullopt;
    }
    const auto skip_blanks = [&end] {
        while (std::isspace(static_cast<unsigned char>(*end)) != 0) {
            ++end;
        }
    };
    skip_blanks();
    constexpr std::string_view units = "bkmg";
    std::size_t unit = 1;
    if (*end != '\0') {
        unit = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*end))));
        ++end;
        skip_blanks();
    }
    const std::size_t shift = 10 * unit;
    if (unit == std::string_view::npos || *end != '\0' || number > UINT64_MAX >> shift) {
        return std::nullopt;
    }
    return Bytes(number << shift);
}

}  // namespace

Result<void> check_process_limits(const ProcessDemand& demand) {
    TriedMapping mapping(demand.mapped);
    if (!mapping.is_there() || !mapping.becomes_memory(demand.written)) {
        return fail(ErrorCode::does_not_fit,
                    {{.change = Change::raise_limit,
                      .value = "ulimit -v, ulimit -d, vm.overcommit_memory"}},
                    "the load maps {} bytes ({}) more than the process has now, {} of them memory "
                    "on its devices and in host memory: {}",
                    demand.mapped.count(), to_string(demand.mapped), to_string(demand.written),
                    std::strerror(errno));
    }
    // libgomp ends the program where it gets no thread.
    const Bytes stack = openmp_stack();
    TriedThreads threads;
    if (const int error = threads.start(demand.openmp_threads, stack)) {
        return fail(ErrorCode::does_not_fit,
                    {{Change::fewer_threads},
                     {.change = Change::raise_limit,
                      .value = "ulimit -v, ulimit -d, ulimit -u, pids.max of the control group"}},
                    "the system refuses the program {} threads with a stack of {} each beside the "
                    "{} that the load maps: {}",
                    demand.openmp_threads, to_string(stack), to_string(demand.mapped),
                    std::strerror(error));
    }
    return {};
}

bool address_space_is_limited() {
    struct rlimit limit {};
    return ::getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

Bytes openmp_stack() {
    pthread_attr_t attributes{};
    std::size_t ordinary = 0;
    ::pthread_getattr_default_np(&attributes);
    ::pthread_attr_getstacksize(&attributes, &ordinary);
    for (const char* name : {"OMP_STACKSIZE", "GOMP_STACKSIZE"}) {
        if (const auto asked = stack_of(std::getenv(name))) {
            const bool is_possible = ::pthread_attr_setstacksize(&attributes, asked->count()) == 0;
            ::pthread_attr_destroy(&attributes);
            return is_possible ? *asked : Bytes(ordinary);
        }
    }
    ::pthread_attr_destroy(&attributes);
    return Bytes(ordinary);
}

}  // namespace hexcore
