#pragma once

// What a test leaves in memory: main memory as the kernel counts it, and devices as the program
// itself reads them. For C++11 and later, without libraries.

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace hexcore {
namespace testing {

/// What is held of one device.
struct HeldMemory {
    std::string device;  ///< "host" or as it was given to watch_device()
    std::uint64_t bytes;
};

/// When to say that a test has kept memory.
struct MemoryRules {
    std::uint64_t warn_bytes = 100U * 1024U * 1024U;  ///< more than that: a line on stderr
    std::uint64_t fail_bytes = 0;                     ///< more than that: a failure; 0: never
};

namespace detail {

struct WatchedDevice {
    std::string name;
    std::function<std::uint64_t()> read;
};
inline std::vector<WatchedDevice>& watched_devices() {
    static std::vector<WatchedDevice> devices;
    return devices;
}

/// What is resident of this process; 0 where /proc is not there.
inline std::uint64_t resident_bytes() {
    unsigned long long size = 0;
    unsigned long long resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file != nullptr) {
        if (std::fscanf(file, "%llu %llu", &size, &resident) != 2) {
            resident = 0;
        }
        std::fclose(file);
    }
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

inline std::string mebibytes(std::uint64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.1f MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
    return text;
}

}  // namespace detail

/// From now on `read` is asked before and after each test what is in use of that device, in bytes:
/// a ledger of Hexcore's, an allocator's own count.
inline void watch_device(const std::string& name, std::function<std::uint64_t()> read) {
    detail::watched_devices().push_back({name, std::move(read)});
}

/// What is held now, main memory first. What the C library keeps for later is given back before.
inline std::vector<HeldMemory> held_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
    std::vector<HeldMemory> held;
    held.push_back({"host", detail::resident_bytes()});
    for (const detail::WatchedDevice& device : detail::watched_devices()) {
        held.push_back({device.name, device.read()});
    }
    return held;
}

/// A device of which more is held than before.
struct KeptMemory {
    std::string device;
    std::uint64_t before;
    std::uint64_t after;
    std::uint64_t bytes() const { return after - before; }
    /// "kept 212.0 MiB of host (48.0 MiB before, 260.0 MiB after)"
    std::string told() const {
        return "kept " + detail::mebibytes(bytes()) + " of " + device + " (" +
               detail::mebibytes(before) + " before, " + detail::mebibytes(after) + " after)";
    }
};

/// The devices of which a test has kept more than `bytes`. One that came to be watched meanwhile
/// began with nothing.
inline std::vector<KeptMemory> kept_over(const std::vector<HeldMemory>& before,
                                         const std::vector<HeldMemory>& after,
                                         std::uint64_t bytes) {
    std::vector<KeptMemory> kept;
    for (std::size_t i = 0; i < after.size(); ++i) {
        const std::uint64_t then = i < before.size() ? before[i].bytes : 0;
        if (after[i].bytes > then && after[i].bytes - then > bytes) {
            kept.push_back({after[i].device, then, after[i].bytes});
        }
    }
    return kept;
}

/// Says on stderr what was kept past what the rules allow without a word; the lines for a failure.
inline std::string tell_kept(const char* test, const std::vector<HeldMemory>& before,
                             const MemoryRules& rules) {
    const std::vector<HeldMemory> after = held_memory();
    for (const KeptMemory& kept : kept_over(before, after, rules.warn_bytes)) {
        std::fprintf(stderr, "[  MEMORY  ] %s %s\n", test, kept.told().c_str());
    }
    std::string failure;
    if (rules.fail_bytes > 0) {
        for (const KeptMemory& kept : kept_over(before, after, rules.fail_bytes)) {
            failure.append(failure.empty() ? "" : "\n").append(kept.told());
        }
    }
    return failure;
}

namespace detail {

/// As a text of JSON; what is no ASCII goes through as it is.
inline std::string quoted(const char* text) {
    std::string result = "\"";
    for (; *text != '\0'; ++text) {
        const auto byte = static_cast<unsigned char>(*text);
        if (byte < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(byte));
            result += escaped;
        } else {
            if (byte == '"' || byte == '\\') {
                result.push_back('\\');
            }
            result.push_back(*text);
        }
    }
    result.push_back('"');
    return result;
}

/// Where `hexcore test` reads levels, where it has several tests run in one process, or one several
/// times; -1 otherwise.
inline int levels_descriptor() {
    static const int descriptor = [] {
        const char* pipe = std::getenv("HEXCORE_TEST_LEVELS");
        return pipe == nullptr ? -1 : ::open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }();
    return descriptor;
}

}  // namespace detail

/// Tells `hexcore test` what there is as a test begins ("begin") or ends ("end"), if it asks for
/// that: a line of docs/formats/test-levels.md. What is lost on the way is told as missing there.
inline void tell_levels(const char* when, const char* test, const std::vector<HeldMemory>& held) {
    if (detail::levels_descriptor() < 0) {
        return;
    }
    std::string line = "{\"";
    line.append(when).append("\": ").append(detail::quoted(test));
    std::string devices;
    for (const HeldMemory& one : held) {
        if (one.device == "host") {
            line.append(", \"resident_bytes\": ").append(std::to_string(one.bytes));
        } else {
            devices.append(devices.empty() ? "{\"name\": " : ", {\"name\": ")
                .append(detail::quoted(one.device.c_str()))
                .append(", \"bytes\": ")
                .append(std::to_string(one.bytes))
                .append("}");
        }
    }
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
    const struct mallinfo2 told = ::mallinfo2();
    line.append(", \"allocated_bytes\": ").append(std::to_string(told.uordblks + told.hblkhd));
#endif
#endif
    if (!devices.empty()) {
        line.append(", \"devices\": [").append(devices).append("]");
    }
    line.append("}\n");
    (void)!::write(detail::levels_descriptor(), line.data(), line.size());
}

}  // namespace testing
}  // namespace hexcore
