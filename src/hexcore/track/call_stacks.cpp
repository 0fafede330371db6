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

std::string path_of(std::string_view name) {
    if (!name.empty()) {
        return std::string(name);
    }
    std::array<char, PATH_MAX> own{};  // the program itself has no name
    return ::realpath("/proc/self/exe", own.data()) == nullptr ? "" : own.data();
}

/// Of the numbers by which a stack is told.
std::uint64_t hash_of(std::span<const std::uint64_t> numbers) {
    std::uint64_t hash = numbers.size();
    for (const std::uint64_t number : numbers) {
        hash = (hash ^ number) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29U;
    }
    return hash;
}

bool is_in(const void* address, const dl_find_object& object) {
    return object.dlfo_map_start <= address && address < object.dlfo_map_end;
}

}  // namespace

void CallStacks::warm_up() {
    std::array<void*, 4> frames{};
    (void)::backtrace(frames.data(), static_cast<int>(frames.size()));
}

CallStacks::Module* CallStacks::module_named(std::string_view name) {
    const auto found = modules_.find(name);
    if (found != modules_.end()) {
        return &found->second;
    }
    if (modules_.size() >= modules_max) {
        return nullptr;
    }
    const std::uint64_t number = modules_.size() + 1;
    return &modules_.emplace(name, Module{number, path_of(name)}).first->second;
}

void CallStacks::resolve(std::span<void* const> addresses, std::span<Frame> frames) {
    dl_find_object object{};
    Module* module = nullptr;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        void* const address = addresses[i];
        if (!is_in(address, object)) {  // most are where the one before is
            const bool is_found = ::_dl_find_object(address, &object) == 0;
            const link_map* map = is_found ? object.dlfo_link_map : nullptr;
            object = map == nullptr ? dl_find_object{} : object;
            const char* name = map == nullptr ? nullptr : map->l_name;
            module = map == nullptr ? nullptr : module_named(name == nullptr ? "" : name);
        }
        const auto offset = reinterpret_cast<std::uint64_t>(address);
        frames[i] = {module, module == nullptr ? offset : offset - object.dlfo_link_map->l_addr};
    }
}

std::uint64_t CallStacks::number_of_now(const TellModule& tell_module,
                                        const TellStack& tell_stack) {
    std::array<void*, recorded_frames_max + own_frames> all{};
    const int count = ::backtrace(all.data(), static_cast<int>(all.size()));
    const std::span<void* const> addresses(
        all.data() + own_frames, static_cast<std::size_t>(std::max(count - own_frames, 0)));
    std::array<Frame, recorded_frames_max> frames_of_now;
    const auto frames = std::span(frames_of_now).first(addresses.size());
    resolve(addresses, frames);
    std::array<std::uint64_t, 1 + 2 * recorded_frames_max> told{};
    const auto numbers = std::span(told).first(1 + 2 * frames.size());
    for (std::size_t i = 0; i < frames.size(); ++i) {
        numbers[1 + 2 * i] = frames[i].module == nullptr ? 0 : frames[i].module->number;
        numbers[2 + 2 * i] = frames[i].offset;
    }
    const std::uint64_t hash = hash_of(numbers.subspan(1));
    auto stack = stacks_.find(hash);
    if (stack != stacks_.end() && stack->second.told == time_) {
        return stack->second.number;
    }
    if (frames.empty() || (stack == stacks_.end() && stacks_.size() >= stacks_max)) {
        return 0;
    }
    for (const Frame& frame : frames) {
        if (Module* module = frame.module; module != nullptr && module->told != time_) {
            if (!tell_module(module->number, module->path)) {
                return 0;
            }
            module->told = time_;
        }
    }
    if (stack == stacks_.end()) {
        stack = stacks_.emplace(hash, Stack{stacks_.size() + 1}).first;
    }
    numbers.front() = stack->second.number;
    if (!tell_stack(numbers)) {
        return 0;
    }
    stack->second.told = time_;
    return stack->second.number;
}

}  // namespace hexcore
