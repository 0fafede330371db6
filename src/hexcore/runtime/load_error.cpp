#include "hexcore/runtime/load_error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hexcore {
namespace {

/// libllama reports as text only that the machine refused it something.
bool is_refusal(const std::string& errors) {
    const std::array<const char*, 4> signs{std::strerror(ENOMEM), "bad_alloc", "failed to allocate",
                                           "unable to allocate"};
    return std::any_of(signs.begin(), signs.end(),
                       [&](const char* sign) { return errors.find(sign) != std::string::npos; });
}

}  // namespace

Error load_error(Machine& machine, LlamaLog& log, const Inventory& inventory,
                 std::string_view what) {
    if (auto refusal = machine.last_refusal()) {
        return std::move(*refusal);
    }
    return libllama_error(log.take_errors(), inventory, what);
}

Error libllama_error(const std::string& errors, const Inventory& inventory, std::string_view what) {
    if (is_refusal(errors)) {
        return {ErrorCode::does_not_fit,
                fmt::format("{}: libllama {}: {}", inventory.files.front().string(), what, errors),
                {{.change = Change::raise_limit, .value = "ulimit -v, vm.max_map_count"}}};
    }
    return {ErrorCode::bad_input,
            fmt::format("{}: libllama {}: {}", inventory.files.front().string(), what,
                        errors.empty() ? "it did not say why" : errors)};
}

}  // namespace hexcore
