// Writes a tiny model of every architecture of llama.cpp into a folder, for fuzz_plan.py:
// ARCHITECTURE.gguf, and ARCHITECTURE-optional.gguf with all tensors that it can do without. Each
// is made in a process of its own, which may crash; what libllama cannot make is left out.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "llama.h"
#include "mixtures/tiny_architectures.hpp"

namespace {

using hexcore::test::TinyVariant;

bool write(const std::string& architecture, const TinyVariant& variant,
           const std::filesystem::path& path) {
    std::fflush(stdout);  // or a child that ends by exit() prints it again
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(hexcore::test::write_architecture(architecture, variant, path) ? 0 : 1);
    }
    int status = 1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: write_architectures FOLDER\n");
        return 2;
    }
    ::setenv("GGML_NO_BACKTRACE", "1", 1);
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const std::filesystem::path folder = argv[1];
    std::filesystem::create_directories(folder);
    for (const std::string& architecture : hexcore::test::all_architectures()) {
        for (const bool optional : {false, true}) {
            const std::string name = architecture + (optional ? "-optional" : "");
            const auto path = folder / (name + ".gguf");
            if (write(architecture, {.name = name, .optional_tensors = optional}, path)) {
                std::puts(path.c_str());
            } else {
                std::filesystem::remove(path);
            }
        }
    }
}
