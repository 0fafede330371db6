#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// What an adapter adds to one tensor W of its base model: scale * B * A, of a low rank. For the
/// token embedding A is looked up by token and B is the other way round.
struct AdapterPair {
    std::string base;  ///< the name of W
    TensorRole role = TensorRole::other;
    std::optional<LayerIndex> layer;
    std::uint32_t n_experts = 0;  ///< of W; 0 unless it is merged experts
    std::uint32_t rank = 0;
    TensorInfo a;
    TensorInfo b;

    [[nodiscard]] Bytes bytes() const { return a.bytes + b.bytes; }
};

struct ChosenAdapter;

/// A LoRA adapter in a GGUF file, as convert_lora_to_gguf.py of llama.cpp writes it, checked
/// against the model that it is for.
struct AdapterFile {
    std::filesystem::path path;
    FileStamp stamp;  ///< as it was when its header was read
    /// XXH3 of all bytes of the file, in hexadecimal digits: two files of the same are one adapter.
    std::string content;
    std::string name;  ///< general.name, or the file's; printable, and at most 80 bytes
    std::string architecture;
    float alpha = 0;                 ///< a scale is alpha / rank times as strong; 0: as it is
    std::vector<AdapterPair> pairs;  ///< sorted by the names of what they modify
    /// Whole norms that came with it, which libllama leaves out.
    std::uint32_t n_left_out = 0;
    /// Of a merged one (merged_adapters()), which has no file: what it is the sum of.
    std::vector<ChosenAdapter> parts;

    [[nodiscard]] Bytes bytes() const;         ///< of all pairs
    [[nodiscard]] std::uint32_t rank() const;  ///< the largest
};

/// Reads an adapter's header, checks it against the model, and sums its bytes up for `content`.
/// Fails with ErrorCode::bad_input, naming the file and the key or tensor that is wrong
/// (adapter_problem() tells the kinds apart): also where libllama would stop the process, or
/// compute something else than is meant.
[[nodiscard]] Result<AdapterFile> read_adapter(const std::filesystem::path& path,
                                               const Inventory& base);
/// The same of an open file; its messages do not name it.
[[nodiscard]] Result<AdapterFile> read_adapter(const ByteSource& source, const Inventory& base);

/// Opens its file, for reading later what its header has. Fails as read_adapter() does there.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_adapter(const std::filesystem::path& path);

/// What is wrong with an adapter that could not be read, planned for or applied.
enum class AdapterProblem {
    missing,  ///< its file is not there, or cannot be opened
    damaged,  ///< it is no whole adapter, holds a NaN, or is another one by now
    foreign,  ///< it may be a good one, but not for this model
    too_big,  ///< for what the budgets leave
};
[[nodiscard]] const char* to_string(AdapterProblem problem);
/// Nothing: the error is about something else, such as an interrupt.
[[nodiscard]] std::optional<AdapterProblem> adapter_problem(const Error& error);

/// An adapter that is asked for.
struct AdapterWish {
    std::filesystem::path path;
    float scale = 1;
};
/// An adapter of a context, and how strong it is.
struct ChosenAdapter {
    AdapterFile file;
    float scale = 1;

    /// Its content and scale: keys and values that were computed under others are worthless.
    [[nodiscard]] std::string key() const;
};

/// The most adapters of one context.
inline constexpr std::size_t max_adapters = 8;

/// Reads them all. Of those with the same content only the first stays, with the sum of their
/// scales, since libllama counts an adapter once; what has the scale 0 then is left out. Fails as
/// read_adapter(), and with ErrorCode::usage for too many or a scale that is no finite number.
[[nodiscard]] Result<std::vector<ChosenAdapter>> read_adapters(std::span<const AdapterWish> wishes,
                                                               const Inventory& base);

}  // namespace hexcore
