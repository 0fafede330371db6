#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

namespace hexcore {

/// Where tensor data is to go: to an address in main memory, or, if that is null, through
/// `write`, which copies `size` bytes at `data` to `offset` bytes behind the begin of what was
/// asked for. It may be called by several threads at a time, and is done when it returns.
struct FillTarget {
    std::byte* address = nullptr;
    std::function<void(std::size_t offset, const std::byte* data, std::size_t size)> write = {};
};

/// Intercepts set_tensor while a model loads. libllama calls ggml's set_tensor for one tensor after
/// another, with a pointer into its own mapping of the file. While the machine has a filler, our
/// buffers do not copy from that pointer: they pass name, offset and size to fill(), and whoever
/// knows the file fetches the same bytes in parallel, straight to where they belong. So set_tensor
/// returns before the bytes are there.
class TensorFiller {
public:
    virtual ~TensorFiller() = default;

    /// Promises to bring bytes [offset, offset + size) of the named tensor to `to` before the load
    /// is complete. False if the name is not the file's; then the caller copies them itself.
    [[nodiscard]] virtual bool fill(std::string_view tensor, std::size_t offset, FillTarget to,
                                    std::size_t size) = 0;

    /// Writes nothing from now on, once this returns: the memory is about to go, because the load
    /// failed. Later calls of fill() are answered with false.
    virtual void abandon() = 0;
};

}  // namespace hexcore
