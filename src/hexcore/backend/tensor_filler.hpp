#pragma once

#include <cstddef>
#include <string_view>

namespace hexcore {

/// Takes over the writing of tensor data while a model loads. libllama hands out one tensor after
/// another, by a pointer into its own mapping of the file; whoever knows the file can fetch the
/// same bytes in parallel, straight to where they belong.
class TensorFiller {
public:
    virtual ~TensorFiller() = default;

    /// Promises to write bytes [offset, offset + size) of the named tensor to `to` before the load
    /// is complete. False where the name is not the file's: then the caller writes them itself.
    [[nodiscard]] virtual bool fill(std::string_view tensor, std::size_t offset, std::byte* to,
                                    std::size_t size) = 0;

    /// Writes nothing from now on, once this returns: the memory is about to go, because the load
    /// failed. Later calls of fill() are answered with false.
    virtual void abandon() = 0;
};

}  // namespace hexcore
