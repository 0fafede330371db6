#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "hexcore/device/primary_context.hpp"

namespace hexcore {

/// Main memory of this process that the driver keeps where it is, so that GPUs copy from it by
/// themselves and at the speed of the bus. Must go before the memory does.
class PinnedRange {
public:
    /// One object for all who ask for the same memory. Null where the driver refuses: copies are
    /// slower then, and else the same. `gpu`: one that is in use, cuda:N.
    [[nodiscard]] static std::shared_ptr<PinnedRange> of(
        void* begin, std::size_t size_bytes, std::uint32_t gpu,
        const std::string& cuda_library = "libcuda.so.1");

    ~PinnedRange();
    PinnedRange(const PinnedRange&) = delete;
    PinnedRange& operator=(const PinnedRange&) = delete;

private:
    PinnedRange(const DynamicLibrary& cuda, std::uint32_t gpu, void* begin);
    [[nodiscard]] bool pin(std::size_t size_bytes);

    const DynamicLibrary cuda_;
    const PrimaryContext context_;
    void* const begin_;
    bool is_pinned_ = false;
};

}  // namespace hexcore
