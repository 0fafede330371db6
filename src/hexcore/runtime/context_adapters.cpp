#include "hexcore/runtime/context_adapters.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <numeric>
#include <unordered_map>

#include "ggml-cpp.h"
#include "gguf.h"
#include "hexcore/model/byte_source.hpp"
#include "hexcore/runtime/value_check.hpp"

// Internal headers, whose contents may change with any release of libllama.
#include "llama-adapter.h"
#include "llama-context.h"

namespace hexcore {
namespace {

constexpr std::size_t adapter_piece_bytes = std::size_t{1} << 18U;

struct CloseStream {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using Stream = std::unique_ptr<std::FILE, CloseStream>;

ggml_type type_of(const TensorInfo& tensor) {
    for (int i = 0; i < GGML_TYPE_COUNT; ++i) {
        const auto type = static_cast<ggml_type>(i);
        if (const char* name = ggml_type_name(type); name != nullptr && tensor.type == name) {
            return type;
        }
    }
    HEXCORE_CHECK(false, tensor.type, "a type that the reader let through");
}

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
                ggml_new_tensor(tensors.get(), type_of(*half), GGML_MAX_DIMS, half->shape.data());
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

/// In which order they have to be put into libllama's table for it to hold them as they are listed;
/// as listed where there is none, which chance can bring about if there are three or more.
std::vector<std::size_t> order_of_insertion(std::span<llama_adapter_lora* const> adapters) {
    std::vector<std::size_t> order(adapters.size());
    std::iota(order.begin(), order.end(), 0U);
    do {
        llama_adapter_loras table;
        for (const std::size_t i : order) {
            table.insert({adapters[i], 1.0F});
        }
        if (std::ranges::equal(table, adapters, {},
                               [](const auto& entry) { return entry.first; })) {
            return order;
        }
    } while (std::ranges::next_permutation(order).found);
    return order;
}

/// Reads one tensor of an adapter to its place.
Result<void> fill_tensor(const ByteSource& file, const TensorInfo& info, ggml_tensor& tensor,
                         const std::atomic<bool>* stop) {
    HEXCORE_CHECK(ggml_nbytes(&tensor) == info.bytes.count(), ggml_nbytes(&tensor),
                  info.bytes.count());
    const auto check = ValueCheck::of(info.type);
    const std::size_t block = check ? check->block_bytes() : 1;
    std::vector<std::byte> piece;
    for (std::size_t done = 0; done < info.bytes.count(); done += piece.size()) {
        if (stop != nullptr && stop->load()) {
            return fail(ErrorCode::interrupted,
                        "interrupted while loading; nothing is left allocated");
        }
        piece.resize(
            std::min<std::size_t>(adapter_piece_bytes / block * block, info.bytes.count() - done));
        HEXCORE_TRY_VOID(file.read_at(info.offset_bytes + done, piece));
        if (check && check->first_bad_block(piece)) {
            return fail(ErrorCode::bad_input,
                        "tensor '{}' holds a NaN or an infinity: the adapter is damaged, or its "
                        "training failed",
                        info.name);
        }
        ggml_backend_tensor_set(&tensor, piece.data(), done, piece.size());
    }
    return {};
}

Result<void> check_unchanged(const ByteSource& source, const AdapterFile& file) {
    HEXCORE_TRY(stamp, source.stamp());
    if (stamp != file.stamp) {
        return fail(ErrorCode::bad_input,
                    "was written to or replaced since it was planned for; plan again");
    }
    return {};
}

Result<void> fill_adapter(const AdapterFile& file, const llama_adapter_lora& adapter,
                          const std::atomic<bool>* stop) {
    HEXCORE_TRY(source, open_file(file.path));
    HEXCORE_TRY_VOID(check_unchanged(*source, file));
    for (const AdapterPair& pair : file.pairs) {
        const auto found = adapter.ab_map.find(pair.base);
        HEXCORE_CHECK(found != adapter.ab_map.end(), pair.base, "is not what libllama was told of");
        HEXCORE_TRY_VOID(fill_tensor(*source, pair.a, *found->second.a, stop));
        HEXCORE_TRY_VOID(fill_tensor(*source, pair.b, *found->second.b, stop));
    }
    return check_unchanged(*source, file);
}

}  // namespace

void set_adapters(llama_context& context, std::span<llama_adapter_lora* const> adapters,
                  std::span<const float> scales) {
    std::vector<llama_adapter_lora*> list;
    std::vector<float> scales_of_list;
    for (const std::size_t i : order_of_insertion(adapters)) {
        list.push_back(adapters[i]);
        scales_of_list.push_back(scales[i]);
    }
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

bool ContextAdapters::apply_to(llama_context& context,
                               std::span<const ChosenAdapter> adapters) const {
    std::vector<llama_adapter_lora*> applied;
    std::vector<float> scales;
    for (const auto& [file, scale] : adapters) {
        applied.push_back(find(file)->adapter.get());
        scales.push_back(scale);
    }
    set_adapters(context, applied, scales);
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
        if (auto filled = fill_adapter(one.file, *one.adapter, stop); !filled) {
            Error error = std::move(filled.error());
            if (error.code != ErrorCode::interrupted) {
                error.message = fmt::format("{}: {}", one.file.path.string(), error.message);
            }
            return tl::unexpected(std::move(error));
        }
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
