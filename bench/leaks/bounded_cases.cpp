#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>

#include "corpus.hpp"

namespace leaks {
namespace {

using Block = Program::Block;

/// Grows in those repeats only.
std::function<Repeat()> steps(std::vector<std::size_t> repeats, std::size_t size) {
    return [=] {
        return [=, i = std::size_t{0}](Program& program) mutable {
            if (std::find(repeats.begin(), repeats.end(), i++) != repeats.end()) {
                program.take(size, "cache");
            }
            program.give(program.take(64 * kib, "scratch"));
        };
    };
}

/// Keeps what was asked for, of so many different keys.
Repeat random_keys() {
    return [known = std::map<std::size_t, Block>()](Program& program) mutable {
        for (int i = 0; i < 8; ++i) {
            const std::size_t key = program.any(0, 15);
            if (!known.contains(key)) {
                known[key] = program.take(200 * kib + key * kib, "entry");
            }
        }
    };
}

/// The least recently used of `room` entries goes for a new one, of equal size or of any.
std::function<Repeat()> lru(std::size_t room, std::size_t least, std::size_t most) {
    return [=] {
        return [=, entries = std::deque<Block>()](Program& program) mutable {
            entries.push_back(program.take(program.any(least, most), "entry"));
            if (entries.size() > room) {
                program.give(entries.front());
                entries.pop_front();
            }
        };
    };
}

Repeat random_replacement() {
    return [entries = std::vector<Block>()](Program& program) mutable {
        while (entries.size() < 12) {
            entries.push_back(program.take(128 * kib, "entry"));
        }
        Block& victim = entries[program.any(0, entries.size() - 1)];
        program.give(victim);
        victim = program.take(128 * kib, "entry");
    };
}

Repeat table_that_stops_doubling() {
    return [table = Block(), i = std::size_t{0}](Program& program) mutable {
        const std::size_t wanted = std::min<std::size_t>(++i, 12) * 64 * kib;
        if (wanted > table.size) {
            const Block larger = program.take(std::max(wanted, 2 * table.size), "table");
            if (table.id != 0) {
                program.give(table);
            }
            table = larger;
        }
    };
}

std::function<Repeat()> sawtooth(std::size_t teeth, std::size_t size) {
    return [=] {
        return [=, kept = std::vector<Block>()](Program& program) mutable {
            kept.push_back(program.take(size, "garbage"));
            if (kept.size() == teeth) {
                program.give(kept);
            }
        };
    };
}

/// Collected once more than a threshold is there, as by a garbage collector.
Repeat collected() {
    return [kept = std::vector<Block>(), held = std::size_t{0}](Program& program) mutable {
        kept.push_back(program.take(program.any(10 * kib, 600 * kib), "garbage"));
        held += kept.back().size;
        if (held > 3 * mib) {
            program.give(kept);
            held = 0;
        }
    };
}

/// A pool of which each repeat leaves another number of buffers in use.
Repeat object_pool() {
    return [used = std::vector<Block>()](Program& program) mutable {
        program.give(used);
        for (std::size_t count = program.any(1, 12); count > 0; --count) {
            used.push_back(program.take(256 * kib, "buffer"));
        }
    };
}

Repeat queue() {
    return [waiting = std::deque<Block>()](Program& program) mutable {
        for (std::size_t count = program.any(0, 4); count > 0; --count) {
            waiting.push_back(program.take(program.any(1, 200) * kib, "message"));
        }
        while (waiting.size() > 8 || (!waiting.empty() && program.any(0, 1) == 0)) {
            program.give(waiting.front());
            waiting.pop_front();
        }
    };
}

Repeat double_buffer() {
    return [buffers = std::array<Block, 2>(), i = std::size_t{0}](Program& program) mutable {
        Block& next = buffers[i++ % 2];
        if (next.id != 0) {
            program.give(next);
        }
        next = program.take(i % 2 == 0 ? 3 * mib : 1 * mib, "frame");
    };
}

Repeat kept_for_one_repeat() {
    return [last = Block()](Program& program) mutable {
        const Block next = program.take(1 * mib, "state");
        if (last.id != 0) {
            program.give(last);
        }
        last = next;
    };
}

/// Each of four threads makes its own buffer when it is first asked, in no order.
Repeat thread_caches() {
    return [buffers = std::array<Block, 4>()](Program& program) mutable {
        Block& buffer = buffers.at(program.any(0, buffers.size() - 1));
        std::thread([&] {
            if (buffer.id == 0) {
                buffer = program.take(512 * kib, "thread cache");
            }
        }).join();
    };
}

/// To a GPU and back again.
Repeat offload() {
    return [place = Block(), on_host = true](Program& program) mutable {
        const Block next = program.take(32 * mib, "layer", on_host ? "cuda:0" : "cuda:1");
        if (place.id != 0) {
            program.give(place);
        }
        place = next;
        on_host = !on_host;
    };
}

/// One layer a repeat from one device to another: one grows as the other shrinks.
Repeat one_way_move() {
    return [layers = std::vector<Block>(), moved = std::size_t{0}](Program& program) mutable {
        if (layers.empty()) {
            for (int i = 0; i < 64; ++i) {
                layers.push_back(program.take(8 * mib, "layer", "cuda:0"));
            }
        }
        const Block there = program.take(8 * mib, "layer", "cuda:1");
        program.give(layers.at(moved));
        layers.at(moved++) = there;
    };
}

/// Another process takes more and more; this one doesn't.
Repeat growing_neighbour() {
    struct Neighbour {
        pid_t pid = ::fork();
        Neighbour() {
            if (pid == 0) {
                const pid_t parent = ::getppid();
                while (::getppid() == parent) {
                    std::memset(std::malloc(128 * kib), 1, 128 * kib);
                    ::usleep(1000);
                }
                ::_exit(0);
            }
        }
        ~Neighbour() {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
        Neighbour(const Neighbour&) = delete;
        Neighbour& operator=(const Neighbour&) = delete;
    };
    return [neighbour = std::make_shared<Neighbour>()](Program& program) {
        program.give(program.take(1 * mib, "scratch"));
    };
}

/// Another thread leaks, in a label of its own; only told allocations can tell it apart.
Repeat leaking_neighbour_thread() {
    return [](Program& program) {
        std::thread([&] {
            hexcore_label_begin("other work");
            program.take(16 * kib, "leaked");
            hexcore_label_end();
        }).join();
        program.give(program.take(1 * mib, "scratch"));
    };
}

/// Small and large ones freed out of order: the C library keeps holes, up to a plateau.
Repeat fragmentation() {
    return [kept = std::vector<Block>(400)](Program& program) mutable {
        for (int i = 0; i < 200; ++i) {
            Block& block = kept[program.any(0, kept.size() - 1)];
            if (block.id != 0) {
                program.give(block);
            }
            block = program.take(program.any(100, 20 * kib), "node");
        }
    };
}

/// Arenas of the C library: threads that allocate and end, over and over.
Repeat arenas() {
    return [](Program& program) {
        std::array<std::thread, 3> threads;
        std::vector<std::size_t> sizes;
        for (int i = 0; i < 20; ++i) {
            sizes.push_back(program.any(1 * kib, 60 * kib));
        }
        for (std::size_t t = 0; t < threads.size(); ++t) {
            threads.at(t) = std::thread([&sizes] {
                std::vector<void*> memory;
                for (const std::size_t size : sizes) {
                    memory.push_back(std::malloc(size));
                    std::memset(memory.back(), 1, size);
                }
                for (void* each : memory) {
                    std::free(each);
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
    };
}

Repeat balanced() {
    return [](Program& program) {
        program.give(program.take(program.any(1, 40) * mib / 4, "scratch"));
    };
}

Repeat nothing() {
    return [](Program&) {};
}

/// Allocated by one repeat, freed by the next but two.
Repeat delayed_release() {
    return [waiting = std::deque<Block>()](Program& program) mutable {
        waiting.push_back(program.take(400 * kib, "pending"));
        if (waiting.size() > 3) {
            program.give(waiting.front());
            waiting.pop_front();
        }
    };
}

/// All purposes of a model are taken and given back, in each repeat.
Repeat load_and_unload() {
    return [](Program& program) {
        std::vector<Block> blocks;
        for (const char* purpose : {"weights", "kv cache", "compute", "output"}) {
            blocks.push_back(program.take(1 * mib, purpose));
        }
        program.give(blocks);
    };
}

}  // namespace

std::vector<Case> bounded_cases() {
    return {
        {"init-in-the-first", Truth::cache, 20, 200, steps({0}, 5 * mib)},
        {"init-in-the-second", Truth::cache, 20, 200, steps({1}, 5 * mib)},
        {"cache-of-two-steps", Truth::cache, 40, 200, steps({1, 4}, 3 * mib)},
        {"cache-that-fills-in-ten", Truth::cache, 40, 200,
         steps({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1 * mib)},
        {"cache-with-rarer-steps", Truth::cache, 80, 200, steps({0, 1, 3, 7, 15}, 1 * mib)},
        {"one-step-in-the-middle", Truth::unknowable, 24, 0, steps({12}, 1 * mib)},
        {"cache-of-random-keys", Truth::cache, 80, 200, random_keys},
        {"cache-lru", Truth::cache, 60, 200, lru(12, 256 * kib, 256 * kib)},
        {"cache-lru-of-any-size", Truth::pool, 150, 200, lru(12, 1 * kib, 512 * kib)},
        {"cache-random-replacement", Truth::cache, 120, 200, random_replacement},
        {"cache-table-that-stops", Truth::cache, 60, 200, table_that_stops_doubling},
        {"cache-of-threads", Truth::cache, 120, 200, thread_caches},
        {"cache-small", Truth::cache, 40, 200, steps({0, 2}, 4 * kib)},
        {"pool-sawtooth-of-17", Truth::pool, 100, 300, sawtooth(17, 500 * kib)},
        {"pool-sawtooth-of-3", Truth::pool, 40, 200, sawtooth(3, 1 * mib)},
        {"pool-collected", Truth::pool, 150, 300, collected},
        {"pool-of-objects", Truth::pool, 60, 200, object_pool},
        {"pool-queue", Truth::pool, 150, 200, queue},
        {"pool-double-buffer", Truth::pool, 40, 200, double_buffer},
        {"pool-offload", Truth::pool, 40, 0, offload},
        {"pool-one-way-move", Truth::pool, 40, 0, one_way_move},
        {"kept-for-one-repeat", Truth::cache, 20, 200, kept_for_one_repeat},
        {"released-three-later", Truth::cache, 30, 200, delayed_release},
        {"none-balanced", Truth::none, 20, 200, balanced},
        {"none-at-all", Truth::none, 0, 200, nothing},
        {"none-load-and-unload", Truth::none, 20, 200, load_and_unload},
        {"none-beside-a-neighbour", Truth::none, 20, 300, growing_neighbour},
        {"none-beside-a-leaking-thread", Truth::none, 20, 0, leaking_neighbour_thread},
        {"fragmentation", Truth::pool, 200, 300, fragmentation},
        {"fragmentation-by-arenas", Truth::none, 0, 200, arenas},
    };
}

}  // namespace leaks
