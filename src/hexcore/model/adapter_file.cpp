// A LoRA adapter is foreign data like a model, and libllama asserts some of what it expects of one.
// So all that it takes for granted is looked at here; what reaches it is written anew from what was
// found (runtime/adapter_loading.cpp).
#include "hexcore/model/adapter_file.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/gguf_header.hpp"

namespace hexcore {

namespace {

constexpr std::size_t adapter_name_bytes_max = 80;
constexpr std::size_t content_piece_bytes = std::size_t{1} << 20U;
/// What an error about a file that cannot be opened has beside the advice to get it again.
constexpr const char* missing_file = "missing";
constexpr std::string_view suffix_a = ".lora_a";
constexpr std::string_view suffix_b = ".lora_b";

/// Of ggml's types those that all of its backends multiply with, and that adapters come in.
constexpr std::array<std::string_view, 14> multiplied_types = {
    "f32",  "f16",  "bf16", "q4_0", "q4_1", "q5_0", "q5_1",
    "q8_0", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq4_nl"};

std::string shape_text(const TensorInfo& tensor) {
    return fmt::format("{} x {} x {} x {}", tensor.shape[0], tensor.shape[1], tensor.shape[2],
                       tensor.shape[3]);
}

Result<void> check_kind(const GgufMetadata& metadata, const Inventory& base) {
    HEXCORE_TRY(type, metadata.text_or("general.type", "model"));
    HEXCORE_TRY(architecture, metadata.text_or("general.architecture", ""));
    if (type != "adapter") {
        return fail(ErrorCode::bad_input,
                    "is no adapter: its key 'general.type' is {}, not 'adapter'{}", in_quotes(type),
                    type == "model" ? "; name a LoRA adapter in GGUF, as convert_lora_to_gguf.py "
                                      "of llama.cpp writes it"
                                    : "");
    }
    HEXCORE_TRY(kind, metadata.text("adapter.type"));
    if (kind != "lora") {
        return fail(ErrorCode::bad_input,
                    "is an adapter of the type {}; only 'lora' can be applied", in_quotes(kind));
    }
    if (architecture != base.architecture) {
        return fail(ErrorCode::bad_input,
                    "is an adapter for a model of the architecture {}, and this one is of {}; name "
                    "the model that it was made for",
                    in_quotes(architecture), in_quotes(base.architecture));
    }
    if (metadata.find("adapter.alora.invocation_tokens") != nullptr) {
        return fail(ErrorCode::bad_input,
                    "is an adapter that begins with an invocation in the text (aLoRA), which is "
                    "not supported");
    }
    return {};
}

Result<float> alpha_of(const GgufMetadata& metadata) {
    const GgufValue* value = metadata.find("adapter.lora.alpha");
    if (value == nullptr) {
        return 0.0F;
    }
    if (value->type != GgufType::f32 || value->is_array) {
        return fail(ErrorCode::bad_input,
                    "key 'adapter.lora.alpha' is {}{}, not a 32-bit floating-point number",
                    value->is_array ? "an array of " : "of the type ", to_string(value->type));
    }
    if (!std::isfinite(value->real)) {
        return fail(ErrorCode::bad_input, "key 'adapter.lora.alpha' is {}, which is no number",
                    value->real);
    }
    return value->real;
}

/// The two halves of each pair, by the name of the tensor that they modify.
using Halves = std::map<std::string, std::pair<const TensorInfo*, const TensorInfo*>>;

Result<Halves> pair_up(const std::vector<TensorInfo>& tensors, AdapterFile& adapter) {
    Halves halves;
    for (const TensorInfo& tensor : tensors) {
        const std::string_view name = tensor.name;
        const bool is_a = name.ends_with(suffix_a);
        if (!is_a && !name.ends_with(suffix_b)) {
            if (name.ends_with("_norm.weight")) {
                ++adapter.n_left_out;
                continue;
            }
            return fail(ErrorCode::bad_input,
                        "tensor {} is no part of a LoRA adapter: its name ends neither with "
                        "'.lora_a' nor with '.lora_b'",
                        in_quotes(name));
        }
        auto& pair = halves[std::string(name.substr(0, name.size() - suffix_a.size()))];
        const TensorInfo*& half = is_a ? pair.first : pair.second;
        if (half != nullptr) {
            return fail(ErrorCode::bad_input, {{Change::get_file_again}},
                        "tensor {} is there twice", in_quotes(name));
        }
        half = &tensor;
    }
    if (halves.empty()) {
        return fail(ErrorCode::bad_input, {{Change::get_file_again}},
                    "holds no tensor that modifies one of a model");
    }
    return halves;
}

/// Whether A and B are as libllama multiplies with them: W is {from, to}.
bool has_shapes_for(const TensorInfo& base, const TensorInfo& a, const TensorInfo& b) {
    const bool same_depth = a.shape[2] == base.shape[2] && b.shape[2] == base.shape[2] &&
                            a.shape[3] == base.shape[3] && b.shape[3] == base.shape[3];
    if (base.role == TensorRole::embedding) {
        return same_depth && a.shape[0] == b.shape[0] && a.shape[1] == base.shape[1] &&
               b.shape[1] == base.shape[0];
    }
    return same_depth && a.shape[0] == base.shape[0] && b.shape[1] == base.shape[1] &&
           a.shape[1] == b.shape[0];
}

/// Refuses tensors of the model that libllama does not load, or cannot modify.
Result<void> check_base(const TensorInfo& tensor, const Inventory& base, bool has_output) {
    const std::uint32_t n_loaded = base.n_layers - base.n_layers_nextn;
    if (tensor.layer && tensor.layer->value() >= n_loaded) {
        return fail(ErrorCode::bad_input,
                    "modifies {}, which is in a layer that predicts further tokens; these are not "
                    "loaded",
                    in_quotes(tensor.name));
    }
    if (tensor.shape[1] == 1 && tensor.shape[2] == 1) {
        return fail(ErrorCode::bad_input, "modifies {}, which is a vector and no matrix",
                    in_quotes(tensor.name));
    }
    if (tensor.type == "nvfp4") {
        return fail(ErrorCode::bad_input,
                    "modifies {}, whose type {} libllama cannot modify; use the model in another "
                    "type",
                    in_quotes(tensor.name), tensor.type);
    }
    if (tensor.role == TensorRole::embedding && !has_output) {
        return fail(ErrorCode::bad_input,
                    "modifies {}, which is the output, too, in this model; libllama cannot modify "
                    "one without the other",
                    in_quotes(tensor.name));
    }
    return {};
}

Result<AdapterPair> make_pair(const TensorInfo& base, const TensorInfo& a, const TensorInfo& b) {
    if (!has_shapes_for(base, a, b)) {
        return fail(ErrorCode::bad_input,
                    "modifies {} of {} with A of {} and B of {}, which do not go with it: was it "
                    "made for another model?",
                    in_quotes(base.name), shape_text(base), shape_text(a), shape_text(b));
    }
    for (const TensorInfo* half : {&a, &b}) {
        if (std::ranges::find(multiplied_types, half->type) == multiplied_types.end()) {
            return fail(ErrorCode::bad_input,
                        "tensor {} is of the type {}, with which adapters are not computed; "
                        "convert it to f32, f16, bf16 or q8_0",
                        in_quotes(half->name), half->type);
        }
    }
    AdapterPair pair{base.name, base.role, base.layer, base.n_experts, 0, a, b};
    pair.rank = static_cast<std::uint32_t>(b.shape[0]);
    return pair;
}

Result<std::string> content_of(const ByteSource& source) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    std::vector<std::byte> piece;
    for (std::uint64_t at = 0; at < source.size(); at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(content_piece_bytes, source.size() - at));
        HEXCORE_TRY_VOID(source.read_at(at, piece));
        XXH3_64bits_update(&state, piece.data(), piece.size());
    }
    return fmt::format("{:016x}", XXH3_64bits_digest(&state));
}

}  // namespace

Bytes AdapterFile::bytes() const {
    Bytes sum;
    for (const AdapterPair& pair : pairs) {
        sum += pair.bytes();
    }
    return sum;
}

std::uint32_t AdapterFile::rank() const {
    std::uint32_t largest = 0;
    for (const AdapterPair& pair : pairs) {
        largest = std::max(largest, pair.rank);
    }
    return largest;
}

const char* to_string(AdapterProblem problem) {
    switch (problem) {
        case AdapterProblem::missing:
            return "missing";
        case AdapterProblem::damaged:
            return "damaged";
        case AdapterProblem::foreign:
            return "foreign";
        case AdapterProblem::too_big:
            return "too big";
    }
    HEXCORE_CHECK(false, "unknown problem", static_cast<int>(problem));
}

std::optional<AdapterProblem> adapter_problem(const Error& error) {
    if (error.code == ErrorCode::does_not_fit) {
        return AdapterProblem::too_big;
    }
    if (error.code != ErrorCode::bad_input) {
        return std::nullopt;
    }
    const auto again = std::ranges::find_if(error.remedies, [](const Remedy& remedy) {
        return remedy.change == Change::get_file_again || remedy.change == Change::plan_again;
    });
    if (again == error.remedies.end()) {
        return AdapterProblem::foreign;
    }
    return again->value == missing_file ? AdapterProblem::missing : AdapterProblem::damaged;
}

Result<std::unique_ptr<ByteSource>> open_adapter(const std::filesystem::path& path) {
    auto source = open_file(path);
    if (!source) {
        return fail(ErrorCode::bad_input,
                    {{.change = Change::get_file_again, .value = missing_file}}, "{}: {}",
                    path.string(), source.error().message);
    }
    return source;
}

std::string ChosenAdapter::key() const { return fmt::format("{}*{}", file.content, scale); }

Result<AdapterFile> read_adapter(const ByteSource& source, const Inventory& base) {
    AdapterFile adapter;
    // Before the header: what is written to the file later changes the stamp.
    HEXCORE_TRY(stamp, source.stamp());
    auto header_read = read_gguf_header(source);
    if (!header_read) {
        header_read.error().remedies.push_back({Change::get_file_again});
        return tl::unexpected(std::move(header_read.error()));
    }
    const GgufHeader header = *std::move(header_read);
    HEXCORE_TRY_VOID(check_kind(header.metadata, base));
    HEXCORE_TRY(alpha, alpha_of(header.metadata));
    HEXCORE_TRY(name, header.metadata.text_start_or("general.name", ""));
    HEXCORE_TRY(halves, pair_up(header.tensors, adapter));
    std::unordered_map<std::string_view, const TensorInfo*> tensors;
    for (const TensorInfo& tensor : base.tensors) {
        tensors.emplace(tensor.name, &tensor);
    }
    for (const auto& [of, pair] : halves) {
        const auto& [a, b] = pair;
        if (a == nullptr || b == nullptr) {
            return fail(ErrorCode::bad_input, {{Change::get_file_again}},
                        "tensor {} has no '{}' beside it", in_quotes((a == nullptr ? b : a)->name),
                        a == nullptr ? suffix_a : suffix_b);
        }
        const auto found = tensors.find(of);
        if (found == tensors.end()) {
            return fail(ErrorCode::bad_input,
                        "modifies a tensor {}, which the model does not have: was it made for "
                        "another one?",
                        in_quotes(of));
        }
        HEXCORE_TRY_VOID(check_base(*found->second, base, tensors.contains("output.weight")));
        HEXCORE_TRY(made, make_pair(*found->second, *a, *b));
        adapter.pairs.push_back(std::move(made));
    }
    HEXCORE_TRY(content, content_of(source));
    adapter.stamp = stamp;
    adapter.content = std::move(content);
    adapter.name = shortened(name, adapter_name_bytes_max);
    adapter.architecture = base.architecture;
    adapter.alpha = alpha;
    return adapter;
}

Result<AdapterFile> read_adapter(const std::filesystem::path& path, const Inventory& base) {
    HEXCORE_TRY(source, open_adapter(path));
    auto adapter = read_adapter(*source, base);
    if (!adapter) {
        adapter.error().message = fmt::format("{}: {}", path.string(), adapter.error().message);
        return adapter;
    }
    adapter->path = path;
    if (adapter->name.empty()) {
        adapter->name = shortened(path.stem().string(), adapter_name_bytes_max);
    }
    return adapter;
}

Result<std::vector<ChosenAdapter>> read_adapters(std::span<const AdapterWish> wishes,
                                                 const Inventory& base) {
    std::vector<ChosenAdapter> chosen;
    for (const AdapterWish& wish : wishes) {
        if (!std::isfinite(wish.scale)) {
            return fail(ErrorCode::usage, "the scale of {} is {}, which is no number",
                        wish.path.string(), wish.scale);
        }
        HEXCORE_TRY(file, read_adapter(wish.path, base));
        const auto same = std::ranges::find(
            chosen, file.content,
            [](const ChosenAdapter& one) -> const std::string& { return one.file.content; });
        if (same != chosen.end()) {
            same->scale += wish.scale;
        } else {
            chosen.push_back({std::move(file), wish.scale});
        }
    }
    std::erase_if(chosen, [](const ChosenAdapter& one) { return one.scale == 0; });
    if (chosen.size() > max_adapters) {
        return fail(ErrorCode::usage, "{} adapters are asked for, and a context can have {}",
                    chosen.size(), max_adapters);
    }
    return chosen;
}

}  // namespace hexcore
