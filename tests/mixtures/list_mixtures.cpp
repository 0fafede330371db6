// Prints the architectures that have experts, one on each line: those of which libllama makes a
// tiny model with merged expert tensors. Each is tried in a process of its own, which may crash.

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "hexcore/model/inventory.hpp"
#include "llama.h"
#include "mixtures/tiny_architectures.hpp"
#include "support/temp_folder.hpp"

namespace {

bool has_experts(const std::string& architecture) {
    const hexcore::test::TempFolder folder;
    std::fflush(stdout);  // or a child that ends by exit() prints it again
    const pid_t child = ::fork();
    if (child == 0) {
        const auto path = folder / "model.gguf";
        const auto written = hexcore::test::write_architecture(architecture, {}, path);
        const auto inventory =
            written ? hexcore::read_inventory(path) : tl::unexpected(written.error());
        ::_exit(inventory && inventory->experts_bytes() > hexcore::Bytes{} ? 0 : 1);
    }
    int status = 1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int main() {
    ::setenv("GGML_NO_BACKTRACE", "1", 1);
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    for (const std::string& architecture : hexcore::test::all_architectures()) {
        if (has_experts(architecture)) {
            std::puts(architecture.c_str());
        }
    }
}
