#include "hexcore/runtime/context_adapters.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "ggml-cpp.h"
#include "gguf.h"
#include "hexcore/runtime/adapter_numbers.hpp"

// Internal headers, whose contents may change with any release of libllama.
#include "llama-adapter.h"
#include "llama-context.h"

namespace hexcore {
namespace {

struct CloseStream {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using Stream = std::unique_ptr<std::FILE, CloseStream>;

/// A file of that adapter's form with zeros for its numbers, in which there is nothing that was
/// not checked.
Result<Stream> described(const AdapterFile& file) {
    const gguf_context_ptr description(gguf_init_empty());
    gguf_set_val_str(description.get(), "general.type", "adapter");
    gguf_set_val_str(description.get(), "general.architecture", file.architecture.c_str());
    gguf_set_val_str(description.get(), "adapter.type", "lora");
    gguf_set_val_f32(description.get(), "adapter.lora.alpha", file.alpha);
    const ggml_context_ptr tensors(
        ggml_init({.mem_size = file.pairs.size() * 2 * ggml_tensor_overhead(),
                   .mem_buffer = nullptr,
                   .no_alloc = true}));
    std::size_t data = 0;
    for (const AdapterPair& pair : file.pairs) {
        for (const TensorInfo* half : {&pair.a, &pair.b}) {
            ggml_tensor* tensor =
                ggml_new_tensor(tensors.get(), static_cast<ggml_type>(ggml_type_of(*half)),
                                GGML_MAX_DIMS, half->shape.data());
            ggml_set_name(tensor, half->name.c_str());
            gguf_add_tensor(description.get(), tensor);
            data += GGML_PAD(ggml_nbytes(tensor), gguf_get_alignment(description.get()));
        }
    }
    std::vector<std::byte> header(gguf_get_meta_size(description.get()));
    gguf_get_meta_data(description.get(), header.data());
    Stream stream;
    const int descriptor = ::memfd_create("hexcore-adapter", MFD_CLOEXEC);
    if (descriptor >= 0) {
        stream.reset(::fdopen(descriptor, "r+b"));
    }
    if (!stream || std::fwrite(header.data(), 1, header.size(), stream.get()) != header.size() ||
        std::fflush(stream.get()) != 0 ||
        ::ftruncate(descriptor, static_cast<off_t>(header.size() + data)) != 0) {
        return fail(ErrorCode::does_not_fit, "the system has nowhere to describe an adapter in: {}",
                    std::strerror(errno));
    }
    std::rewind(stream.get());
    return stream;
}

/// libstdc++'s tables have so many buckets while they hold no more; a pointer's is the remainder.
constexpr std::size_t buckets = 13;
static_assert(max_adapters <= buckets);

constexpr std::size_t padding_for(std::size_t size) {
    std::size_t padding = 0;
    while ((size + padding) % alignof(llama_adapter_lora) != 0 || (size + padding) % buckets != 1) {
        ++padding;
    }
    return padding;
}

Result<void> fill_adapter(const AdapterFile& file, const llama_adapter_lora& adapter,
                          const std::atomic<bool>* stop) {
    HEXCORE_TRY(numbers, AdapterNumbers::open(file, stop));
    const auto put_to = [](ggml_tensor& tensor, const TensorInfo& info) {
        HEXCORE_CHECK(ggml_nbytes(&tensor) == info.bytes.count(), ggml_nbytes(&tensor),
                      info.bytes.count());
        return [&tensor](std::size_t at, std::span<const std::byte> data) {
            ggml_backend_tensor_set(&tensor, data.data(), at, data.size());
        };
    };
    for (const AdapterPair& pair : file.pairs) {
        const auto found = adapter.ab_map.find(pair.base);
        HEXCORE_CHECK(found != adapter.ab_map.end(), pair.base, "is not what libllama was told of");
        HEXCORE_TRY_VOID(
            numbers.read(pair, put_to(*found->second.a, pair.a), put_to(*found->second.b, pair.b)));
    }
    return numbers.check_unchanged();
}

}  // namespace

struct AppliedAdapters::Table {
    /// As an element of an array it is in the bucket behind that of the one before it.
    struct InNextBucket {
        llama_adapter_lora adapter{nullptr};
        std::byte padding[padding_for(sizeof(llama_adapter_lora))];
    };
    static_assert(sizeof(InNextBucket) % buckets == 1);

    std::unique_ptr<InNextBucket[]> adapters;
};

AppliedAdapters::AppliedAdapters(AppliedAdapters&&) noexcept = default;
AppliedAdapters& AppliedAdapters::operator=(AppliedAdapters&&) noexcept = default;
AppliedAdapters::~AppliedAdapters() = default;

// Into an empty bucket a table puts an entry in front of all others.
AppliedAdapters::AppliedAdapters(llama_context& context,
                                 std::span<llama_adapter_lora* const> adapters,
                                 std::span<const float> scales)
    : table_(new Table()) {
    table_->adapters = std::make_unique<Table::InNextBucket[]>(adapters.size());
    std::vector<llama_adapter_lora*> named;
    for (const llama_adapter_lora* adapter : adapters) {
        llama_adapter_lora& same = table_->adapters[named.size()].adapter;
        same.model = adapter->model;
        same.ab_map = adapter->ab_map;  // the tensors stay the other one's
        same.alpha = adapter->alpha;
        named.push_back(&same);
    }
    std::vector<llama_adapter_lora*> list(named.rbegin(), named.rend());
    std::vector<float> scales_of_list(scales.rbegin(), scales.rend());
    llama_adapter_loras order;
    for (llama_adapter_lora* adapter : list) {
        order.insert({adapter, 1.0F});
    }
    HEXCORE_CHECK(
        std::ranges::equal(order, named, {}, [](const auto& entry) { return entry.first; }),
        named.size(), "adapters are in another order in this standard library's tables");
    (void)llama_set_adapters_lora(&context, list.data(), list.size(), scales_of_list.data());
}

const ContextAdapters::LoadedAdapter* ContextAdapters::find(const AdapterFile& file) const {
    const auto found = std::ranges::find(
        loaded_, file.content,
        [](const LoadedAdapter& one) -> const std::string& { return one.file.content; });
    return found == loaded_.end() ? nullptr : &*found;
}

Result<bool> ContextAdapters::allocate(llama_model& model,
                                       std::span<const std::vector<ChosenAdapter>> sets) {
    for (const std::vector<ChosenAdapter>& set : sets) {
        for (const auto& [file, scale] : set) {
            if (find(file) != nullptr) {
                continue;
            }
            HEXCORE_TRY(description, described(file));
            llama_adapter_lora_ptr adapter(
                llama_adapter_lora_init_from_file_ptr(&model, description.get()));
            if (!adapter) {
                return false;
            }
            loaded_.push_back({file, std::move(adapter)});
        }
    }
    return true;
}

void ContextAdapters::apply(llama_context& context, std::span<const ChosenAdapter> adapters) {
    std::vector<llama_adapter_lora*> applied;
    std::vector<float> scales;
    for (const auto& [file, scale] : adapters) {
        applied.push_back(find(file)->adapter.get());
        scales.push_back(scale);
    }
    // What it applied goes when it applies these.
    applied_.insert_or_assign(&context, AppliedAdapters(context, applied, scales));
}

void ContextAdapters::detach(llama_context& context) { apply(context, {}); }

bool ContextAdapters::apply_to(llama_context& context, std::span<const ChosenAdapter> adapters) {
    apply(context, adapters);
    try {
        context.sched_reserve();  // else the next token does it, when it is too late to be refused
    } catch (const std::exception&) {
        // It counts the graphs as reserved all the same; this has it reserve them for the next
        // token, whose call then fails, instead of computing without.
        context.set_embeddings_layer_inp(0, false);
        return false;
    }
    return true;
}

void ContextAdapters::keep_only(std::span<const std::vector<ChosenAdapter>> sets) {
    std::erase_if(loaded_, [&](const LoadedAdapter& one) {
        return std::ranges::none_of(sets, [&](const std::vector<ChosenAdapter>& set) {
            return std::ranges::any_of(set, [&](const ChosenAdapter& chosen) {
                return chosen.file.content == one.file.content;
            });
        });
    });
}

Result<void> ContextAdapters::fill(const std::atomic<bool>* stop) {
    for (LoadedAdapter& one : loaded_) {
        if (one.is_filled) {
            continue;
        }
        HEXCORE_TRY_VOID(fill_adapter(one.file, *one.adapter, stop));
        one.is_filled = true;
    }
    return {};
}

Bytes ContextAdapters::host_bytes() const {
    Bytes sum;
    for (const LoadedAdapter& one : loaded_) {
        for (const ggml_backend_buffer_ptr& buffer : one.adapter->bufs) {
            ggml_backend_dev_t device =
                ggml_backend_buft_get_device(ggml_backend_buffer_get_type(buffer.get()));
            if (device == nullptr ||
                ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU) {
                sum += Bytes(ggml_backend_buffer_get_size(buffer.get()));
            }
        }
    }
    return sum;
}

}  // namespace hexcore
