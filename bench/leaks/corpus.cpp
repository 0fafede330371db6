// leak_corpus list: every case, a line each: name, truth, repeats with allocations told, repeats
// with samples only (0: not so). leak_corpus told|sampled NAME REPEATS SEED: repeats it, in the
// label "work".
#include "corpus.hpp"

#include <sys/mman.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>

namespace leaks {
namespace {

constexpr std::array truths{"leak", "driver", "cache", "pool", "none", "unknowable"};

std::vector<Case> all_cases() {
    std::vector<Case> cases = leaking_cases();
    for (Case& each : bounded_cases()) {
        cases.push_back(std::move(each));
    }
    return cases;
}

int list() {
    for (const Case& each : all_cases()) {
        std::printf("%s %s %zu %zu\n", each.name, truths.at(static_cast<std::size_t>(each.truth)),
                    each.told, each.sampled);
    }
    return 0;
}

void run(const Case& chosen, Mode mode, std::size_t repeats, std::uint64_t seed) {
    Program program(mode, seed);
    const Repeat repeat = chosen.make();
    for (std::size_t i = 0; i < repeats; ++i) {
        hexcore_label_begin("work");
        repeat(program);
        hexcore_label_end();
        if (mode == Mode::sampled) {  // so that samples see the time between two repeats
            std::this_thread::sleep_for(std::chrono::microseconds(program.any(800, 2000)));
        }
    }
}

}  // namespace

hexcore_holder Program::holder(const char* device, int kind) {
    const auto [found, is_new] = holders_.try_emplace(device, 0);
    if (is_new && mode_ == Mode::told) {
        found->second = hexcore_holder_open(kind, device, 0);
    }
    return found->second;
}

Program::Block Program::take(std::size_t size, const char* purpose, const char* device) {
    Block block{nullptr, holder(device), ++id_, size};
    if (std::string_view(device) == "host") {
        block.memory = std::malloc(size);
        if (block.memory == nullptr) {
            std::fputs("leak_corpus: there is no memory left\n", stderr);
            std::exit(3);
        }
        if (mode_ == Mode::sampled) {
            std::memset(block.memory, static_cast<int>(1 + id_ % 255), size);
        }
    }
    hexcore_allocated(block.holder, block.id, size, purpose);
    return block;
}

void Program::give(const Block& block) {
    hexcore_released(block.holder, block.id);
    std::free(block.memory);
}

void Program::give(std::vector<Block>& blocks) {
    for (const Block& block : blocks) {
        give(block);
    }
    blocks.clear();
}

}  // namespace leaks

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "list") {
        return leaks::list();
    }
    if (argc == 5) {
        const auto mode =
            std::string_view(argv[1]) == "told" ? leaks::Mode::told : leaks::Mode::sampled;
        for (const leaks::Case& each : leaks::all_cases()) {
            if (std::string_view(argv[2]) == each.name) {
                leaks::run(each, mode, std::strtoull(argv[3], nullptr, 10),
                           std::strtoull(argv[4], nullptr, 10));
                return 0;
            }
        }
    }
    std::fputs("usage: leak_corpus list | told|sampled NAME REPEATS SEED\n", stderr);
    return 2;
}
