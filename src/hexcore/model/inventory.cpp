#include "hexcore/model/inventory.hpp"

#include <utility>

#include "hexcore/model/inventory_parts.hpp"
#include "hexcore/model/split_files.hpp"

namespace hexcore {

namespace {

constexpr std::size_t missing_named_max = 3;

Result<InventoryPart> read_part(const std::filesystem::path& path) {
    auto part = open_file(path).and_then([&](const std::unique_ptr<ByteSource>& source) {
        // Before the header: what is written to the file later changes the stamp.
        return source->stamp().and_then([&](const FileStamp& stamp) {
            return read_gguf_header(*source).map([&](GgufHeader header) {
                return InventoryPart{path, std::move(header), stamp};
            });
        });
    });
    if (!part) {
        return fail(ErrorCode::bad_input, "{}: {}", path.string(), part.error().message);
    }
    return part;
}

/// Names the parts that are not there, a few of them at most.
Result<void> check_all_there(const SplitName& name) {
    std::vector<std::string> missing;
    for (std::uint32_t i = 0; i < name.count && missing.size() <= missing_named_max; ++i) {
        std::error_code ignored_because_false_says_it;
        if (!std::filesystem::exists(name.part(i), ignored_because_false_says_it)) {
            missing.push_back(missing.size() == missing_named_max ? "and more"
                                                                  : name.part(i).string());
        }
    }
    if (missing.empty()) {
        return {};
    }
    return fail(ErrorCode::bad_input,
                "the model is split into {} parts, of which these are missing: {}. Put all parts "
                "into one folder",
                name.count, fmt::join(missing, ", "));
}

}  // namespace

Result<Inventory> read_inventory(const std::filesystem::path& path) {
    HEXCORE_TRY(given, read_part(path));
    const auto count = given.header.metadata.number_or("split.count", 1);
    const std::optional<SplitName> name = parse_split_name(path);
    const bool is_split = count && *count > 1 && name && name->count == *count;
    if (is_split) {
        HEXCORE_TRY_VOID(check_all_there(*name));
    }
    std::vector<InventoryPart> parts(is_split ? name->count : 1);
    const std::uint32_t given_index = is_split ? name->index : 0;
    parts[given_index] = std::move(given);
    for (std::uint32_t i = 0; i < parts.size(); ++i) {
        if (i != given_index) {
            HEXCORE_TRY(part, read_part(name->part(i)));
            parts[i] = std::move(part);
        }
    }
    return assemble_inventory(std::move(parts));
}

Bytes Inventory::total_bytes() const {
    Bytes sum;
    for (const TensorInfo& tensor : tensors) {
        sum += tensor.bytes;
    }
    return sum;
}

Bytes Inventory::experts_bytes() const {
    Bytes sum;
    for (const TensorInfo& tensor : tensors) {
        if (tensor.role == TensorRole::expert) {
            sum += tensor.bytes;
        }
    }
    return sum;
}

const char* to_string(TensorRole role) {
    switch (role) {
        case TensorRole::embedding:
            return "embedding";
        case TensorRole::attention:
            return "attention";
        case TensorRole::norm:
            return "norm";
        case TensorRole::router:
            return "router";
        case TensorRole::expert:
            return "expert";
        case TensorRole::shared_expert:
            return "shared_expert";
        case TensorRole::dense_ffn:
            return "dense_ffn";
        case TensorRole::output:
            return "output";
        case TensorRole::other:
            return "other";
    }
    return "other";
}

}  // namespace hexcore
