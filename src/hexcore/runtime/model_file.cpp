#include "hexcore/runtime/model_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "hexcore/backend/memory/unread_mapping.hpp"
#include "hexcore/runtime/load_error.hpp"
#include "hexcore/runtime/load_parameters.hpp"

namespace hexcore {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};

/// Whether libllama maps a file that it is given open: it wants the tensors aligned in it.
bool is_aligned(const Inventory& inventory) {
    const std::size_t alignment = ggml_backend_buft_get_alignment(ggml_backend_cpu_buffer_type());
    const auto first = std::min_element(
        inventory.tensors.begin(), inventory.tensors.end(),
        [](const auto& a, const auto& b) { return a.offset_bytes < b.offset_bytes; });
    return first != inventory.tensors.end() && first->offset_bytes % alignment == 0;
}

}  // namespace

Result<llama_model_ptr> load_model_file(const Inventory& inventory,
                                        const llama_model_params& parameters) {
    const UnreadMapping unread;
    const std::filesystem::path& path = inventory.files.front();
    if (inventory.files.size() > 1 || !is_aligned(inventory)) {
        return llama_model_ptr(llama_model_load_from_file(path.c_str(), parameters));
    }
    const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
    if (!file) {
        return fail(ErrorCode::bad_input, "{}: cannot be opened: {}", path.string(),
                    std::strerror(errno));
    }
    return llama_model_ptr(llama_model_load_from_file_ptr(file.get(), parameters));
}

Result<llama_model_ptr> open_unallocated(const Inventory& inventory, LlamaLog& log) {
    const LoadParameters on_cpu = LoadParameters::on_cpu();
    llama_model_params parameters = on_cpu.model();
    parameters.no_alloc = true;
    parameters.load_mode = LLAMA_LOAD_MODE_NONE;
    HEXCORE_TRY(model, load_model_file(inventory, parameters));
    if (!model) {
        return tl::unexpected(libllama_error(log.take_errors(), inventory, "cannot use the file"));
    }
    return model;
}

}  // namespace hexcore
