#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "hexcore/model/adapter_file.hpp"
#include "hexcore/model/byte_source.hpp"

namespace hexcore {

struct AdapterStrand;

/// The numbers of an adapter, read from its file piece by piece; of a merged one from those of its
/// parts, stacked and multiplied on the way (model/merged_adapter.hpp has the formula). All
/// messages begin with the name of the file that they are about.
class AdapterNumbers {
public:
    /// Takes a piece of a tensor's data, `at` bytes behind its start.
    using Put = std::function<void(std::size_t at, std::span<const std::byte> data)>;

    /// Opens its files; the adapter must outlive this. Fails with ErrorCode::bad_input where one
    /// cannot be opened, or is another one than was read. All reading fails with interrupted once
    /// `stop` (null: never) is set.
    [[nodiscard]] static Result<AdapterNumbers> open(const AdapterFile& adapter,
                                                     const std::atomic<bool>* stop);
    /// Reads both halves of one of its pairs. Fails with ErrorCode::bad_input where a file ends
    /// early or holds a NaN or an infinity, or the scales of parts are such that one comes of them.
    [[nodiscard]] Result<void> read(const AdapterPair& pair, const Put& put_a,
                                    const Put& put_b) const;
    /// Fails where a file was written to since it was read.
    [[nodiscard]] Result<void> check_unchanged() const;

private:
    struct Source {
        const AdapterFile* adapter;
        float scale;
        std::unique_ptr<ByteSource> bytes;
    };
    enum class Half { a, b };
    [[nodiscard]] std::vector<AdapterStrand> strands(const AdapterPair& pair, Half half) const;
    [[nodiscard]] Result<void> read_half(const AdapterPair& pair, Half half, const Put& put) const;

    std::vector<Source> sources_;
    bool is_merged_ = false;
    const std::atomic<bool>* stop_ = nullptr;
};

/// Whether all numbers of an adapter are such. Fails as AdapterNumbers does.
[[nodiscard]] Result<void> check_numbers(const AdapterFile& adapter, const std::atomic<bool>* stop);

/// ggml's type of a tensor in a file that was let through.
[[nodiscard]] int ggml_type_of(const TensorInfo& tensor);

}  // namespace hexcore
