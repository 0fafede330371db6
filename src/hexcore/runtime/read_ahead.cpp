#include "hexcore/runtime/read_ahead.hpp"

#include <algorithm>
#include <vector>

namespace hexcore {
namespace {

/// Puts the file's name before what an error says.
auto told_of(const std::filesystem::path& path) {
    return [&path](Error error) {
        error.message = fmt::format("{}: {}", path.string(), error.message);
        return error;
    };
}

}  // namespace

Result<void> read_ahead(const Inventory& inventory,
                        const std::function<bool(ReadProgress)>& progress) {
    std::vector<std::unique_ptr<ByteSource>> files;
    for (const auto& path : inventory.files) {
        HEXCORE_TRY(file, open_file(path).map_error(told_of(path)));
        files.push_back(std::move(file));
    }
    ReadProgress so_far;
    for (const TensorInfo& tensor : inventory.tensors) {
        so_far.total += tensor.bytes;
    }
    std::vector<std::byte> step(std::size_t{256} << 10U);
    for (const TensorInfo& tensor : inventory.tensors) {
        for (std::size_t done = 0; done < tensor.bytes.count(); done += step.size()) {
            const std::size_t size = std::min(step.size(), tensor.bytes.count() - done);
            HEXCORE_TRY_VOID(files[tensor.file]
                                 ->read_at(tensor.offset_bytes + done, std::span(step).first(size))
                                 .map_error(told_of(inventory.files[tensor.file])));
            so_far.done += Bytes(size);
            if (!progress(so_far)) {
                return fail(ErrorCode::interrupted, "interrupted while reading the model");
            }
        }
    }
    return {};
}

}  // namespace hexcore
