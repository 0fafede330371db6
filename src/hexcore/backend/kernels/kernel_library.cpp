#include "hexcore/backend/kernels/kernel_library.hpp"

#include <cstdlib>
#include <optional>
#include <string_view>
#include <type_traits>

#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {
namespace {

std::optional<KernelLibrary> open_library() {
    const char* wish = std::getenv("HEXCORE_KERNELS");
    if (wish != nullptr && std::string_view(wish) == "ggml") {
        return std::nullopt;
    }
    const auto library = DynamicLibrary::open("libhexcore-cuda.so");
    if (!library) {
        return std::nullopt;
    }
    auto* const version = library->function<decltype(hexcore_cuda_version)>("hexcore_cuda_version");
    if (version == nullptr || version() != HEXCORE_CUDA_VERSION) {
        return std::nullopt;
    }
    bool is_whole = true;
    const auto get = [&](auto& function, const char* name) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(library->address(name));
        is_whole = is_whole && function != nullptr;
    };
    KernelLibrary found;
    get(found.error_text, "hexcore_cuda_error_text");
    get(found.supports, "hexcore_cuda_supports");
    get(found.scratch_bytes, "hexcore_cuda_scratch_bytes");
    get(found.box_bytes, "hexcore_cuda_box_bytes");
    get(found.open, "hexcore_cuda_open");
    get(found.close, "hexcore_cuda_close");
    get(found.card, "hexcore_cuda_card");
    get(found.can_read_main_memory, "hexcore_cuda_can_read_main_memory");
    get(found.can_run, "hexcore_cuda_can_run");
    get(found.form_team, "hexcore_cuda_form_team");
    get(found.disband, "hexcore_cuda_disband");
    get(found.can_share, "hexcore_cuda_can_share");
    get(found.wait, "hexcore_cuda_wait");
    get(found.record, "hexcore_cuda_record");
    get(found.launch, "hexcore_cuda_launch");
    get(found.launch_team, "hexcore_cuda_launch_team");
    get(found.hear, "hexcore_cuda_hear");
    get(found.tell, "hexcore_cuda_tell");
    get(found.set_slots, "hexcore_cuda_set_slots");
    get(found.open_uploads, "hexcore_cuda_open_uploads");
    get(found.close_uploads, "hexcore_cuda_close_uploads");
    get(found.begin_uploads, "hexcore_cuda_begin_uploads");
    get(found.finish_uploads, "hexcore_cuda_finish_uploads");
    get(found.give_up, "hexcore_cuda_give_up");
    get(found.count, "hexcore_cuda_count");
    get(found.compare, "hexcore_cuda_compare");
    get(found.begin_recording, "hexcore_cuda_begin_recording");
    get(found.end_recording, "hexcore_cuda_end_recording");
    get(found.replay, "hexcore_cuda_replay");
    get(found.forget, "hexcore_cuda_forget");
    return is_whole ? std::optional(found) : std::nullopt;
}

}  // namespace

const KernelLibrary* KernelLibrary::find() {
    static const std::optional<KernelLibrary> library = open_library();
    return library ? &*library : nullptr;
}

}  // namespace hexcore
