#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include "corpus.hpp"

namespace leaks {
namespace {

using Block = Program::Block;

/// That much at every `every`th repeat.
std::function<Repeat()> leak_of(std::size_t size, const char* purpose = "work",
                                std::size_t every = 1) {
    return [=] {
        return [=, i = std::size_t{0}](Program& program) mutable {
            if (i++ % every == 0) {
                program.take(size, purpose);
            }
        };
    };
}

/// A leak of that much, below a working set of up to ten times `noise` that is kept for a repeat.
std::function<Repeat()> leak_below(std::size_t size, std::size_t noise) {
    return [=] {
        return [=, working = std::vector<Block>()](Program& program) mutable {
            program.take(size);
            program.give(working);
            for (std::size_t count = program.any(0, 10); count > 0; --count) {
                working.push_back(program.take(program.any(1, noise)));
            }
        };
    };
}

Repeat random_leak() {
    return [](Program& program) {
        if (program.any(0, 2) == 0) {
            program.take(program.any(16 * kib, 128 * kib));
        }
    };
}

Repeat growing_buffer() {
    return [buffer = Block(), size = std::size_t{0}](Program& program) mutable {
        const Block larger = program.take(size += 64 * kib);
        if (buffer.id != 0) {
            program.give(buffer);
        }
        buffer = larger;
    };
}

Repeat doubling_vector() {
    return [buffer = Block(), length = std::size_t{0}](Program& program) mutable {
        length += 8 * kib;
        if (length > buffer.size) {
            const Block larger = program.take(std::max(length, 2 * buffer.size));
            if (buffer.id != 0) {
                program.give(buffer);
            }
            buffer = larger;
        }
    };
}

/// Frees all it took when it goes, after the last repeat.
Repeat freed_at_exit() {
    struct Kept {
        Program* program = nullptr;
        std::vector<Block> blocks;
        ~Kept() {
            if (program != nullptr) {
                program->give(blocks);
            }
        }
    };
    return [kept = std::make_shared<Kept>()](Program& program) {
        kept->program = &program;
        kept->blocks.push_back(program.take(32 * kib));
    };
}

Repeat in_one_label() {
    return [](Program& program) {
        hexcore_label_begin("clean");
        program.give(program.take(256 * kib, "scratch"));
        hexcore_label_end();
        hexcore_label_begin("leaking");
        program.take(16 * kib, "kv cache");
        hexcore_label_end();
    };
}

Repeat on_a_thread() {
    return [](Program& program) { std::thread([&] { program.take(64 * kib); }).join(); };
}

Repeat many_small_ones() {
    return [](Program& program) {
        for (int i = 0; i < 100; ++i) {
            program.take(program.any(16, 512), "node");
        }
    };
}

Repeat mapped() {
    return [id = std::uint64_t{0}](Program& program) mutable {
        const std::size_t size = 256 * kib;
        void* memory =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(memory, 1, size);
        hexcore_allocated(program.holder("host"), (1ULL << 40U) + ++id, size, "mapping");
    };
}

Repeat sawtooth_and_leak() {
    return [teeth = std::vector<Block>()](Program& program) mutable {
        program.take(128 * kib, "work");
        teeth.push_back(program.take(100 * kib, "work"));
        if (teeth.size() == 7) {
            program.give(teeth);
        }
    };
}

Repeat cache_and_leak() {
    return [filled = 0](Program& program) mutable {
        if (filled < 5) {
            ++filled;
            program.take(2 * mib, "cache of results");
        }
        program.take(64 * kib, "request");
    };
}

Repeat late_leak() {
    return [i = 0](Program& program) mutable {
        if (++i > 12) {
            program.take(64 * kib);
        }
    };
}

Repeat on_device(const char* device) {
    return [device](Program& program) {
        program.give(program.take(64 * mib, "activations", "cuda:0"));
        program.give(program.take(64 * mib, "activations", "cuda:1"));
        program.take(1 * mib, "gradients", device);
    };
}

/// What a framework says of itself: allocated, and what its allocator keeps beside. A repeat takes
/// as long as it takes until amounts are recorded again.
std::function<Repeat()> framework(std::function<std::uint64_t(std::uint64_t)> allocated_mib,
                                  std::function<std::uint64_t(std::uint64_t)> cache_mib) {
    return [=] {
        return [=, i = std::uint64_t{0}](Program& program) mutable {
            const std::array<const char*, 2> names{"allocated", "cache"};
            const std::array<std::uint64_t, 2> bytes{mib * allocated_mib(i), mib * cache_mib(i)};
            hexcore_amounts(program.holder("cuda:0", HEXCORE_HOLDER_PYTORCH), names.size(),
                            names.data(), bytes.data());
            ++i;
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
        };
    };
}

}  // namespace

std::vector<Case> leaking_cases() {
    const auto flat = [](std::uint64_t) -> std::uint64_t { return 500; };
    const auto grows = [](std::uint64_t i) -> std::uint64_t { return 500 + 2 * i; };
    const auto plateau = [](std::uint64_t i) -> std::uint64_t {
        return 20 * std::min<std::uint64_t>(i, 6);
    };
    return {
        {"leak-one-page", Truth::leak, 20, 700, leak_of(4 * kib)},
        {"leak-16k-weights", Truth::leak, 20, 300, leak_of(16 * kib, "weights")},
        {"leak-64k-kv-cache", Truth::leak, 20, 200, leak_of(64 * kib, "kv cache")},
        {"leak-300k-compute", Truth::leak, 20, 200, leak_of(300 * kib, "compute")},
        {"leak-1m-staging", Truth::leak, 20, 150, leak_of(1 * mib, "staging")},
        {"leak-5m-output", Truth::leak, 20, 80, leak_of(5 * mib, "output")},
        {"leak-20m-io", Truth::leak, 20, 32, leak_of(20 * mib, "io")},
        {"leak-100m-other", Truth::leak, 20, 28, leak_of(100 * mib, "other")},
        {"leak-of-a-few-bytes", Truth::leak, 20, 0, leak_of(48)},
        {"leak-every-second", Truth::leak, 40, 300, leak_of(64 * kib, "work", 2)},
        {"leak-every-seventh", Truth::leak, 60, 600, leak_of(64 * kib, "work", 7)},
        {"leak-every-twentieth", Truth::leak, 120, 1200, leak_of(64 * kib, "work", 20)},
        {"leak-now-and-then", Truth::leak, 150, 800, random_leak},
        {"leak-below-a-working-set", Truth::leak, 40, 900, leak_below(64 * kib, 100 * kib)},
        {"leak-of-a-page-below-100m", Truth::leak, 40, 0, leak_below(4 * kib, 10 * mib)},
        {"leak-by-replacement", Truth::leak, 20, 200, growing_buffer},
        {"leak-by-doubling", Truth::leak, 600, 0, doubling_vector},
        {"leak-freed-at-exit", Truth::leak, 20, 300, freed_at_exit},
        {"leak-in-one-label", Truth::leak, 20, 500, in_one_label},
        {"leak-on-a-thread", Truth::leak, 20, 200, on_a_thread},
        {"leak-of-many-small-ones", Truth::leak, 20, 300, many_small_ones},
        {"leak-of-mappings", Truth::leak, 20, 200, mapped},
        {"leak-with-a-sawtooth", Truth::leak, 60, 300, sawtooth_and_leak},
        {"leak-beside-a-cache", Truth::leak, 40, 300, cache_and_leak},
        {"leak-that-begins-late", Truth::leak, 40, 400, late_leak},
        {"leak-on-a-gpu", Truth::leak, 20, 0, [] { return on_device("cuda:0"); }},
        {"leak-on-another-gpu", Truth::leak, 20, 0, [] { return on_device("cuda:1"); }},
        {"framework-leak", Truth::leak, 20, 0, framework(grows, plateau)},
        {"framework-fragments", Truth::driver, 20, 0, framework(flat, grows)},
        {"framework-plateau", Truth::cache, 40, 0, framework(flat, plateau)},
    };
}

}  // namespace leaks
