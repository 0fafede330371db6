// What a cage costs a command that does nothing, over starting it directly.
#include <benchmark/benchmark.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "hexcore/cage/cage.hpp"

extern char** environ;

namespace {

using namespace hexcore;

void start_directly(benchmark::State& state) {
    std::string program = "/bin/true";
    std::vector<char*> words{program.data(), nullptr};
    for (auto _ : state) {
        pid_t pid = 0;
        int status = 0;
        if (::posix_spawn(&pid, program.c_str(), nullptr, nullptr, words.data(), environ) != 0 ||
            ::waitpid(pid, &status, 0) != pid) {
            state.SkipWithError("it cannot be started");
        }
    }
}

void start_in_cage(benchmark::State& state, const YardOptions& options, const CageLimits& limits) {
    auto yard = CageYard::open(options);
    if (!yard) {
        state.SkipWithError(yard.error().message.c_str());
        return;
    }
    const CageCommand command{.words = {"/bin/true"}, .environment = {"PATH=/usr/bin:/bin"}};
    for (auto _ : state) {
        auto cage = (*yard)->start(command, limits);
        if (!cage) {
            state.SkipWithError(cage.error().message.c_str());
            return;
        }
        while (!(*cage)->step()) {
            std::vector<pollfd> files;
            for (const int file : (*cage)->descriptors()) {
                files.push_back({file, POLLIN, 0});
            }
            ::poll(files.data(), files.size(), 100);
        }
    }
}

const CageLimits some{.memory = 1_GiB, .processes = 100};

BENCHMARK(start_directly)->UseRealTime();
BENCHMARK_CAPTURE(start_in_cage, polling_and_sweep,
                  YardOptions{.supervisor = HEXCORE_SUPERVISOR,
                              .memory = MemoryGuard::polling,
                              .kill = KillGuard::sweep,
                              .share = ShareGuard::observation},
                  some)
    ->UseRealTime();
BENCHMARK_CAPTURE(start_in_cage, without_namespaces,
                  YardOptions{.supervisor = HEXCORE_SUPERVISOR,
                              .memory = {},
                              .kill = {},
                              .share = ShareGuard::observation},
                  some)
    ->UseRealTime();
BENCHMARK_CAPTURE(start_in_cage, best, YardOptions{.supervisor = HEXCORE_SUPERVISOR}, some)
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
