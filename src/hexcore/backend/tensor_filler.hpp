#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace hexcore {

/// Where tensor data is to go: to an address in main memory, or, where that is null, through
/// `write`, which copies `size` bytes at `data` to `offset` bytes behind the begin of what was
/// asked for. It may be called by several threads at a time, and is done when it returns.
struct FillTarget {
    std::byte* address = nullptr;
    std::function<void(std::size_t offset, const std::byte* data, std::size_t size)> write = {};
};

/// Takes over the writing of tensor data while a model loads. libllama hands out one tensor after
/// another, by a pointer into its own mapping of the file; whoever knows the file can fetch the
/// same bytes in parallel, straight to where they belong.
class TensorFiller {
public:
    virtual ~TensorFiller() = default;

    /// Promises to bring bytes [offset, offset + size) of the named tensor to `to` before the load
    /// is complete. False where the name is not the file's: then the caller writes them itself.
    [[nodiscard]] virtual bool fill(std::string_view tensor, std::size_t offset, FillTarget to,
                                    std::size_t size) = 0;

    /// Writes nothing from now on, once this returns: the memory is about to go, because the load
    /// failed. Later calls of fill() are answered with false.
    virtual void abandon() = 0;
};

}  // namespace hexcore
