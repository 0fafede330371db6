// The loader's own table (_dl_find_object) is asked in which module an address is: it takes no
// lock, which dl_iterate_phdr() does, and so cannot wait for a thread that is loading a library.
#include "hexcore/track/call_stacks.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <string>

namespace hexcore {
namespace {

/// Of the teller itself.
constexpr int own_frames = 2;

std::string path_of(const link_map& module) {
    std::string path = module.l_name == nullptr ? "" : module.l_name;
    if (path.empty()) {  // the program itself has no name
        std::array<char, PATH_MAX> own{};
        path = ::realpath("/proc/self/exe", own.data()) == nullptr ? "" : own.data();
    }
    return path;
}

std::uint64_t hash_of(std::span<void* const> addresses) {
    std::uint64_t hash = addresses.size();
    for (const void* address : addresses) {
        hash = (hash ^ reinterpret_cast<std::uint64_t>(address)) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29U;
    }
    return hash;
}

}  // namespace

void CallStacks::warm_up() {
    std::array<void*, 4> frames{};
    (void)::backtrace(frames.data(), static_cast<int>(frames.size()));
}

std::uint64_t CallStacks::number_of_now(const TellModule& tell_module,
                                        const TellStack& tell_stack) {
    std::array<void*, recorded_frames_max + own_frames> all{};
    const int count = ::backtrace(all.data(), static_cast<int>(all.size()));
    const std::span<void* const> frames(all.data() + own_frames,
                                        static_cast<std::size_t>(std::max(count - own_frames, 0)));
    const std::uint64_t hash = hash_of(frames);
    if (const auto known = stacks_.find(hash); known != stacks_.end()) {
        return known->second;
    }
    if (frames.empty() || stacks_.size() >= stacks_max) {
        return 0;
    }
    const std::uint64_t number = ++last_;
    std::array<std::uint64_t, 1 + 2 * recorded_frames_max> told{number};
    std::size_t size = 1;
    for (void* address : frames) {
        std::uint64_t module = 0;
        auto offset = reinterpret_cast<std::uint64_t>(address);
        dl_find_object object{};
        if (::_dl_find_object(address, &object) == 0 && object.dlfo_link_map != nullptr) {
            const link_map& map = *object.dlfo_link_map;
            auto found = modules_.find(&map);
            if (found == modules_.end() && modules_.size() < modules_max) {
                const std::uint64_t next = modules_.size() + 1;
                if (tell_module(next, path_of(map))) {
                    found = modules_.emplace(&map, next).first;
                }
            }
            if (found != modules_.end()) {
                module = found->second;
                offset -= map.l_addr;
            }
        }
        told[size++] = module;
        told[size++] = offset;
    }
    if (!tell_stack({told.data(), size})) {
        return 0;
    }
    stacks_.emplace(hash, number);
    return number;
}

void CallStacks::forget_told() {
    stacks_.clear();
    modules_.clear();
}

}  // namespace hexcore
