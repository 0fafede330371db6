// Counts what the reader allocates, by standing in for the global allocation functions.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "model/read_bytes.hpp"
#include "support/gguf_builder.hpp"

namespace {
std::size_t live_bytes = 0;
std::size_t peak_bytes = 0;

void* counted_allocate(std::size_t size) {
    void* memory = std::malloc(size);
    if (memory == nullptr) {
        std::abort();
    }
    live_bytes += ::malloc_usable_size(memory);
    peak_bytes = std::max(peak_bytes, live_bytes);
    return memory;
}

void counted_free(void* memory) {
    if (memory != nullptr) {
        live_bytes -= ::malloc_usable_size(memory);
        std::free(memory);
    }
}
}  // namespace

void* operator new(std::size_t size) { return counted_allocate(size); }
void* operator new[](std::size_t size) { return counted_allocate(size); }
void operator delete(void* memory) noexcept { counted_free(memory); }
void operator delete[](void* memory) noexcept { counted_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { counted_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { counted_free(memory); }

namespace hexcore {
namespace {

using test::GgufBuilder;
using test::tiny_keys;

/// The most that was allocated at once while reading a file of these bytes.
std::size_t peak_while_reading(const std::string& bytes) {
    const MemorySource source(std::as_bytes(std::span(bytes)));
    const std::size_t before = live_bytes;
    peak_bytes = live_bytes;
    {
        auto header = read_gguf_header(source);
        if (header) {
            std::vector<InventoryPart> parts;
            parts.push_back({"tiny.gguf", std::move(*header)});
            const auto model = assemble_inventory(std::move(parts));
        }
    }
    EXPECT_EQ(live_bytes, before);
    return peak_bytes - before;
}

constexpr std::size_t fixed = 128UL * 1024;  // the cursor's buffer and small change

TEST(Allocation, IsIndependentOfWhatAFileClaims) {
    const std::string array_start =
        GgufBuilder::raw(GgufBuilder::type_u32) + GgufBuilder::raw(60'000'000ULL);
    const std::string list =
        tiny_keys().key_raw("a.list", GgufBuilder::type_array, array_start).bytes();
    const std::string text =
        tiny_keys()
            .key_raw("a.text", GgufBuilder::type_string, GgufBuilder::raw(1ULL << 50U))
            .bytes();
    const std::string keys = tiny_keys().claim_keys(65536).bytes();
    const std::string tensors = test::tiny_model().claim_tensors(40).bytes();
    for (const std::string& bytes : {list, text, keys, tensors}) {
        EXPECT_LT(peak_while_reading(bytes), fixed);
    }
}

TEST(Allocation, IsASmallMultipleOfTheMetadata) {
    GgufBuilder many_keys = tiny_keys();
    GgufBuilder many_tensors = tiny_keys();
    GgufBuilder many_lists = tiny_keys();
    for (int i = 0; i < 20000; ++i) {
        many_keys.key_raw(std::to_string(i), 0, "x");
        many_tensors.tensor_at(static_cast<std::uint64_t>(i) * 32, std::to_string(i), {});
    }
    for (int i = 0; i < 500; ++i) {
        many_lists.key_raw(
            std::to_string(i), GgufBuilder::type_array,
            GgufBuilder::raw(0U) + GgufBuilder::raw(1000ULL) + std::string(1000, 'x'));
    }
    std::string with_data = many_tensors.bytes();
    with_data.resize(with_data.size() + 20000UL * 32);
    EXPECT_LT(peak_while_reading(many_keys.bytes()), fixed + 16 * many_keys.header().size());
    EXPECT_LT(peak_while_reading(with_data), fixed + 16 * many_tensors.header().size());
    EXPECT_LT(peak_while_reading(many_lists.bytes()), fixed + 16 * many_lists.header().size());
}

TEST(Allocation, LeavesVocabulariesAndTemplatesInTheFile) {
    GgufBuilder file = tiny_keys(2, 0).without_key("tokenizer.ggml.tokens");
    file.key_texts("tokenizer.ggml.tokens", std::vector<std::string>(200000, "token"))
        .key("tokenizer.chat_template", std::string(100000, 't'));
    EXPECT_LT(peak_while_reading(file.bytes()), fixed);
}

}  // namespace
}  // namespace hexcore
