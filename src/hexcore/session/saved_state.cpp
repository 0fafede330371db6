#include "hexcore/session/saved_state.hpp"

#include <fmt/format.h>

#include <new>

#include "hexcore/model/inventory.hpp"
#include "llama.h"

namespace hexcore {

Result<void> SavedState::allocate(std::uint64_t size, Ledger& books) {
    HEXCORE_TRY(taken, books.take(Bytes(size), Purpose::parked, [&]() -> Result<void> {
        try {
            bytes.resize(size);
        } catch (const std::bad_alloc&) {
            return fail(ErrorCode::does_not_fit,
                        "there is no host memory for the {} that a session has in the cache",
                        to_string(Bytes(size)));
        }
        return {};
    }));
    entry = std::move(taken);
    return {};
}

StateIdentity StateIdentity::of(const LoadedModel& model) {
    const Inventory& inventory = model.inventory();
    StateIdentity identity{.model = inventory.name,
                           .architecture = inventory.architecture,
                           .file_bytes = {},
                           .modified_ns = {},
                           .adapters = model.adapter_keys(),
                           .kv_type = to_string(model.plan().context.kv_type),
                           .session_tokens = llama_n_ctx_seq(&model.context())};
    for (const FileStamp& stamp : inventory.stamps) {
        identity.file_bytes.push_back(stamp.size_bytes);
        identity.modified_ns.push_back(fmt::to_string(stamp.modified_ns));
    }
    return identity;
}

}  // namespace hexcore
