#include "hexcore/backend/memory/unread_mapping.hpp"

#include <cstring>

#include "ggml-backend-impl.h"
#include "ggml-cpu.h"

namespace hexcore {
namespace {

using GetProcAddress = void* (*)(ggml_backend_reg_t registry, const char* name);

thread_local int wanted = 0;

// libllama leaves files unread on machines with several memory nodes, and asks ggml's CPU backend
// by name whether this is one. It asks for nothing else: ggml itself knows without asking.
bool is_numa() { return true; }

GetProcAddress proc_address_of_ggml = nullptr;

void* get_proc_address(ggml_backend_reg_t registry, const char* name) {
    if (wanted > 0 && std::strcmp(name, "ggml_backend_cpu_is_numa") == 0) {
        return reinterpret_cast<void*>(&is_numa);
    }
    return proc_address_of_ggml(registry, name);
}

bool stand_in_for_ggml() {
    ggml_backend_reg_t cpu = ggml_backend_cpu_reg();
    proc_address_of_ggml = cpu->iface.get_proc_address;
    cpu->iface.get_proc_address = get_proc_address;
    return true;
}

}  // namespace

UnreadMapping::UnreadMapping() {
    static const bool once = stand_in_for_ggml();
    (void)once;
    ++wanted;
}

UnreadMapping::~UnreadMapping() { --wanted; }

}  // namespace hexcore
