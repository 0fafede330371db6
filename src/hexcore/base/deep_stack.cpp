#include "hexcore/base/deep_stack.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace hexcore {
namespace {

void* run_work(void* work) {
    (*static_cast<const std::function<void()>*>(work))();
    return nullptr;
}

}  // namespace

DeepStack::DeepStack(std::size_t bytes)
    : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
      size_((bytes + page_ - 1) / page_ * page_) {
    void* mapped = ::mmap(nullptr, size_ + page_, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapped == MAP_FAILED) {
        return;
    }
    lowest_ = static_cast<char*>(mapped) + page_;
    if (::mprotect(lowest_, size_, PROT_READ | PROT_WRITE) != 0) {
        ::munmap(mapped, size_ + page_);
        lowest_ = nullptr;
    }
}

DeepStack::~DeepStack() {
    if (lowest_ != nullptr) {
        ::munmap(lowest_ - page_, size_ + page_);
    }
}

bool DeepStack::run(const std::function<void()>& work) const {
    if (lowest_ == nullptr) {
        return false;
    }
    pthread_attr_t attributes;
    pthread_t thread{};
    ::pthread_attr_init(&attributes);
    const bool started = ::pthread_attr_setstack(&attributes, lowest_, size_) == 0 &&
                         ::pthread_create(&thread, &attributes, run_work,
                                          const_cast<std::function<void()>*>(&work)) == 0;
    ::pthread_attr_destroy(&attributes);
    return started && ::pthread_join(thread, nullptr) == 0;
}

std::size_t DeepStack::used() const {
    if (lowest_ == nullptr) {
        return 0;
    }
    // Pages come as zeros, and stacks grow down; a frame may leave some of its pages alone.
    constexpr std::size_t most_left_alone = 64;
    const auto page_is_used = [&](std::size_t page) {
        const char* const end = lowest_ + size_ - page * page_;
        return std::any_of(end - page_, end, [](char byte) { return byte != 0; });
    };
    std::size_t used = 0;
    for (std::size_t page = 0; page < std::min(size_ / page_, used + most_left_alone); ++page) {
        if (page_is_used(page)) {
            used = page + 1;
        }
    }
    return used * page_;
}

}  // namespace hexcore
