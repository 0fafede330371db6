#pragma once

#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A driver's library, opened at run time so that one binary works with and without it. Stays
/// loaded until the program ends: driver libraries start threads and do not survive being unloaded.
class DynamicLibrary {
public:
    /// Fails with ErrorCode::missing_device, with the loader's own words.
    [[nodiscard]] static Result<DynamicLibrary> open(const std::string& name);

    /// The function of that name and of type `Function`, or null where the library lacks it.
    template <typename Function>
    [[nodiscard]] Function* function(const char* name) const {
        return reinterpret_cast<Function*>(address(name));
    }
    [[nodiscard]] void* address(const char* name) const;
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    DynamicLibrary(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}

    std::string name_;
    void* handle_;
};

}  // namespace hexcore
