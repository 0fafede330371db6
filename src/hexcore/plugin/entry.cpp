// Where a stock program comes in: ggml opens the library that GGML_BACKEND_PATH names and asks
// ggml_backend_init() for its devices. Everything else in here is hidden (exports.map), so that
// nothing of ours stands in for a symbol of the program.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ggml-backend.h"
#include "hexcore/backend/ggml_layout.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/device/devices_info.hpp"
#include "hexcore/plugin/in_variables.hpp"
#include "hexcore/plugin/report.hpp"
#include "hexcore/plugin/settings.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

/// Lives until the process ends: the program may hold on to buffers for as long.
struct Plugin {
    PluginSettings settings;
    std::unique_ptr<Machine> machine;
    std::unique_ptr<PluginReport> report;
    Machine::Overheads overheads;         ///< from the start: nobody says when a model is loaded
    Machine::ExpertCaches expert_caches;  ///< as long
};

Plugin* plugin = nullptr;

void write_report() {
    plugin->expert_caches.clear();
    plugin->overheads.clear();
    std::ofstream file(plugin->settings.report_path, std::ios::trunc);
    file << json_text(plugin->report->json());
    file.close();
    if (!file) {
        fmt::print(stderr, "hexcore: the report could not be written to {}\n",
                   plugin->settings.report_path);
    }
}

Result<Plugin*> start() {
    HEXCORE_TRY_VOID(check_ggml_layout());
    HEXCORE_TRY(memory, probe_machine());
    HEXCORE_TRY(settings, read_settings(
                              [](const char* name) {
                                  const char* value = std::getenv(name);
                                  return std::string(value == nullptr ? "" : value);
                              },
                              memory));
    HEXCORE_TRY(machine, Machine::create(settings.devices));
    if (settings.plan) {
        HEXCORE_TRY_VOID(machine->place_experts(settings.plan->placement));
        if (settings.plan->basis == Basis::dry_run) {
            std::vector<Usage> planned;
            for (const PlannedDevice& device : settings.plan->devices) {
                planned.push_back(device.planned);
            }
            machine->expect_weights(std::move(planned));
        }
    }
    auto report = std::make_unique<PluginReport>(*machine, settings);
    HEXCORE_TRY(overheads, machine->take_overheads());
    Machine::ExpertCaches caches;
    if (settings.plan) {
        HEXCORE_TRY(taken, machine->take_expert_caches(settings.plan->devices));
        caches = std::move(taken);
    }
    return new Plugin{std::move(settings), std::move(machine), std::move(report),
                      std::move(overheads), std::move(caches)};
}

ggml_backend_reg_t registry() {
    if (plugin == nullptr) {
        const auto started = start();
        if (!started) {
            fmt::print(stderr, "hexcore: {}\n", printable(told(started.error(), in_variables)));
            return nullptr;
        }
        plugin = *started;
        if (!plugin->settings.report_path.empty()) {
            std::atexit(write_report);
        }
    }
    return plugin->machine->registry();
}

}  // namespace
}  // namespace hexcore

extern "C" ggml_backend_reg_t ggml_backend_init(void);
extern "C" ggml_backend_reg_t ggml_backend_init(void) { return hexcore::registry(); }
