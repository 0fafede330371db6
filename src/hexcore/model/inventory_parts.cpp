#include "hexcore/model/inventory_parts.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "hexcore/model/byte_cursor.hpp"
#include "hexcore/model/hyperparameters.hpp"
#include "hexcore/model/tensor_name.hpp"

namespace hexcore {

namespace {

Error in_file(const std::filesystem::path& path, Error error) {
    return Error{error.code, fmt::format("{}: {}", path.string(), error.message)};
}

/// Checks what one part of `n_parts` says of its place in the model.
Result<void> check_split_keys(const GgufMetadata& metadata, std::uint32_t index,
                              std::uint32_t n_parts, std::size_t n_tensors_in_all) {
    HEXCORE_TRY(count, metadata.number_or("split.count", 1));
    if (count > 1 && n_parts == 1) {
        return fail(ErrorCode::bad_input,
                    "is one of {} parts by its key 'split.count', but does not have a name of the "
                    "form '...-00001-of-{:05}.gguf', by which the others could be found",
                    count, count);
    }
    if (count != n_parts && n_parts > 1) {
        return fail(ErrorCode::bad_input,
                    "key 'split.count' is {}, but by its name this is one of {} parts", count,
                    n_parts);
    }
    if (n_parts == 1) {
        return {};
    }
    HEXCORE_TRY(number, metadata.number("split.no"));
    if (number != index) {
        return fail(ErrorCode::bad_input,
                    "key 'split.no' is {}, but by its name this is part {} of {} and has number {}",
                    number, index + 1, n_parts, index);
    }
    HEXCORE_TRY(n_tensors, metadata.number("split.tensors.count"));
    if (n_tensors != n_tensors_in_all) {
        return fail(ErrorCode::bad_input,
                    "key 'split.tensors.count' is {}, but all {} parts together have {} tensors",
                    n_tensors, n_parts, n_tensors_in_all);
    }
    return {};
}

Result<void> check_split(const std::vector<InventoryPart>& parts) {
    std::size_t n_tensors = 0;
    for (const InventoryPart& part : parts) {
        n_tensors += part.header.tensors.size();
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto checked = check_split_keys(parts[i].header.metadata, static_cast<std::uint32_t>(i),
                                        static_cast<std::uint32_t>(parts.size()), n_tensors);
        if (!checked) {
            return tl::unexpected(in_file(parts[i].path, std::move(checked.error())));
        }
    }
    return {};
}

/// Fills in role, layer and n_experts of a tensor.
Result<void> classify(TensorInfo& tensor, const Inventory& model) {
    const TensorName name = parse_tensor_name(tensor.name);
    if (is_unmerged_expert(name)) {
        return fail(ErrorCode::bad_input,
                    "tensor {} is a single expert, a layout that llama.cpp no longer loads; "
                    "convert the model again, so that each layer has merged `_exps` tensors",
                    in_quotes(tensor.name));
    }
    if (name.layer && name.layer->value() >= model.n_layers) {
        return fail(ErrorCode::bad_input, "tensor {} belongs to a layer beyond the {} of key {}",
                    in_quotes(tensor.name), model.n_layers,
                    in_quotes(model.architecture + ".block_count"));
    }
    tensor.role = role_of(name, tensor.shape);
    tensor.layer = name.layer;
    if (tensor.role != TensorRole::expert) {
        return {};
    }
    if (model.n_experts == 0 || tensor.shape[2] != model.n_experts || tensor.shape[3] != 1) {
        return fail(ErrorCode::bad_input, "tensor {} has the shape {} x {} x {} x {}, but {} is {}",
                    in_quotes(tensor.name), tensor.shape[0], tensor.shape[1], tensor.shape[2],
                    tensor.shape[3], in_quotes(model.architecture + ".expert_count"),
                    model.n_experts);
    }
    tensor.n_experts = model.n_experts;
    return {};
}

Result<void> check_names(const Inventory& model) {
    std::vector<const TensorInfo*> order;
    order.reserve(model.tensors.size());
    for (const TensorInfo& tensor : model.tensors) {
        order.push_back(&tensor);
    }
    std::ranges::sort(order, {},
                      [](const TensorInfo* tensor) -> const std::string& { return tensor->name; });
    const auto twice = std::ranges::adjacent_find(
        order, {}, [](const TensorInfo* tensor) -> const std::string& { return tensor->name; });
    if (twice == order.end()) {
        return {};
    }
    return fail(ErrorCode::bad_input, "{}: tensor {} is there twice{}",
                model.files[(*twice)->file].string(), in_quotes((*twice)->name),
                model.files.size() > 1
                    ? fmt::format(", here and in {}", model.files[twice[1]->file].string())
                    : "");
}

}  // namespace

Result<Inventory> assemble_inventory(std::vector<InventoryPart> parts) {
    HEXCORE_CHECK(!parts.empty(), parts.size(), 1);
    HEXCORE_TRY_VOID(check_split(parts));
    Inventory model;
    model.name = parts.front().path.stem().string();
    auto read = read_hyperparameters(parts.front().header.metadata, model);
    if (!read) {
        return tl::unexpected(in_file(parts.front().path, std::move(read.error())));
    }
    for (InventoryPart& part : parts) {
        const auto file = static_cast<std::uint32_t>(model.files.size());
        for (TensorInfo& tensor : part.header.tensors) {
            if (auto done = classify(tensor, model); !done) {
                return tl::unexpected(in_file(part.path, std::move(done.error())));
            }
            tensor.file = file;
        }
        if (model.tensors.empty()) {
            model.tensors = std::move(part.header.tensors);
        } else {
            std::ranges::move(part.header.tensors, std::back_inserter(model.tensors));
        }
        model.files.push_back(std::move(part.path));
        model.stamps.push_back(part.stamp);
    }
    HEXCORE_TRY_VOID(check_names(model));
    return model;
}

}  // namespace hexcore
