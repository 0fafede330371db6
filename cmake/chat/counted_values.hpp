#pragma once

// Included before each file of llama.cpp's common that is built here. Its interpreter of templates
// has no limit of its own: `{% for i in range(10 ** 15) %}` takes memory until the system ends the
// program, and a macro that calls itself takes the stack. Every value that a template makes, each
// step of a loop and each call among them, comes from one std::make_shared (mk_val of
// jinja/value.h), so that is where they are counted. Beyond the thread's limit
// (value_limit.hpp) that throws, which the interpreter takes for an error of the template.

#include <cstddef>
#include <memory>

void hexcore_value_made();
void hexcore_value_gone() noexcept;

template <typename T>
struct HexcoreCountingAllocator {
    using value_type = T;
    HexcoreCountingAllocator() = default;
    template <typename U>
    HexcoreCountingAllocator(const HexcoreCountingAllocator<U>&) noexcept {}
    T* allocate(std::size_t count) {
        hexcore_value_made();
        return std::allocator<T>().allocate(count);
    }
    void deallocate(T* place, std::size_t count) noexcept {
        hexcore_value_gone();
        std::allocator<T>().deallocate(place, count);
    }
    template <typename U>
    bool operator==(const HexcoreCountingAllocator<U>&) const noexcept {
        return true;
    }
    template <typename U>
    bool operator!=(const HexcoreCountingAllocator<U>&) const noexcept {
        return false;
    }
};

namespace std {

template <typename T, typename... Args>
shared_ptr<T> hexcore_make_counted(Args&&... args) {
    return allocate_shared<T>(HexcoreCountingAllocator<T>(), forward<Args>(args)...);
}

}  // namespace std

#define make_shared hexcore_make_counted
