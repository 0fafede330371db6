// Times one load of a model, from nothing to a context that could compute: through a plan over
// capped host devices, or by plain libllama in one of its load modes, with the same context. Prints
// seconds. bench/load.py runs both in turn.

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/device/host_arena.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/runtime/load_parameters.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Takes as much memory as the load will, and gives it back. A virtual machine may have returned
/// its free pages to its host, and who takes them first waits for the host: that is not the
/// loader's time, and would be one's more than the other's.
void warm_memory() { (void)HostMapping::create(768_MiB); }

Result<double> time_plain(const std::string& path, const std::string& mode) {
    const LlamaLog log;
    llama_model_params parameters = llama_model_default_params();
    parameters.load_mode = llama_load_mode_from_str(mode.c_str());
    parameters.use_extra_bufts = false;
    warm_memory();
    const auto start = Clock::now();
    const llama_model_ptr model(llama_model_load_from_file(path.c_str(), parameters));
    if (!model) {
        return fail(ErrorCode::bad_input, "plain libllama cannot load {}", path);
    }
    ContextShape shape;
    shape.tokens = TokenCount(default_context_tokens);
    const llama_context_ptr context(
        llama_init_from_model(model.get(), context_parameters(shape, {})));
    if (!context) {
        return fail(ErrorCode::bad_input, "plain libllama cannot make a context for {}", path);
    }
    return seconds_since(start);
}

Result<double> time_planned(const PlanningOptions& options, bool verify_data) {
    HEXCORE_TRY(planned, PlannedModel::make(options));
    LoadOptions load;
    load.verify_data = verify_data;
    warm_memory();
    const auto start = Clock::now();
    HEXCORE_TRY(model, planned.load(load));
    return seconds_since(start);
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program("times one load of a model");
    PlanningOptions options;
    std::string plain;
    std::string reserve = "0";
    bool verify_data = false;
    program.add_option("model", options.model)->required();
    program.add_option("--device", options.devices)->expected(1)->take_all();
    program.add_option("--reserve", reserve);
    program.add_flag("--verify-data", verify_data);
    program.add_option("--plain", plain, "a load mode of llama.cpp, e.g. none or mmap");
    CLI11_PARSE(program, argc, argv);
    options.reserve = parse_bytes(reserve).value();
    const auto seconds =
        plain.empty() ? time_planned(options, verify_data) : time_plain(options.model, plain);
    if (!seconds) {
        std::fprintf(stderr, "%s\n", seconds.error().message.c_str());
        return static_cast<int>(seconds.error().code);
    }
    std::printf("%.6f\n", *seconds);
    return 0;
}
