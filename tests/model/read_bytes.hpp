#pragma once

#include <gmock/gmock.h>

#include <span>
#include <string>

#include "hexcore/model/byte_source.hpp"
#include "hexcore/model/inventory_parts.hpp"

namespace hexcore::test {

/// The inventory of a file of these bytes, named tiny.gguf.
inline Result<Inventory> read_bytes(const std::string& bytes) {
    const MemorySource source(std::as_bytes(std::span(bytes)));
    HEXCORE_TRY(header, read_gguf_header(source));
    std::vector<InventoryPart> parts;
    parts.push_back({"tiny.gguf", std::move(header)});
    return assemble_inventory(std::move(parts));
}

/// Expects ErrorCode::bad_input and a message with each of `words` in it.
template <typename T, typename... Words>
void expect_bad_input(const Result<T>& result, const Words&... words) {
    ASSERT_FALSE(result.has_value()) << "was accepted";
    EXPECT_EQ(result.error().code, ErrorCode::bad_input);
    EXPECT_THAT(result.error().message, testing::AllOf(testing::HasSubstr(words)...));
}

/// The tensor of that name; stops the test program where there is none.
inline const TensorInfo& tensor_named(const Inventory& inventory, std::string_view name) {
    for (const TensorInfo& tensor : inventory.tensors) {
        if (tensor.name == name) {
            return tensor;
        }
    }
    HEXCORE_CHECK(false, name, "not in the inventory");
    std::abort();
}

}  // namespace hexcore::test
