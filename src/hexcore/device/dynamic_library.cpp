#include "hexcore/device/dynamic_library.hpp"

#include <dlfcn.h>

namespace hexcore {

Result<DynamicLibrary> DynamicLibrary::open(const std::string& name) {
    void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char* reason = ::dlerror();
        return fail(ErrorCode::missing_device, "{} cannot be loaded ({})", name,
                    reason != nullptr ? reason : "the loader does not say why");
    }
    return DynamicLibrary(name, handle);
}

void* DynamicLibrary::address(const char* name) const { return ::dlsym(handle_, name); }

}  // namespace hexcore
