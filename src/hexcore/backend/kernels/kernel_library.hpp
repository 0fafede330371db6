#pragma once

#include <memory>
#include <string>

#include "hexcore/backend/kernels/hexcore_cuda.h"

namespace hexcore {

/// The functions of libhexcore-cuda.so (hexcore_cuda.h).
struct KernelLibrary {
    decltype(&hexcore_cuda_error_text) error_text = nullptr;
    decltype(&hexcore_cuda_supports) supports = nullptr;
    decltype(&hexcore_cuda_scratch_bytes) scratch_bytes = nullptr;
    decltype(&hexcore_cuda_box_bytes) box_bytes = nullptr;
    decltype(&hexcore_cuda_open) open = nullptr;
    decltype(&hexcore_cuda_close) close = nullptr;
    decltype(&hexcore_cuda_card) card = nullptr;
    decltype(&hexcore_cuda_can_read_main_memory) can_read_main_memory = nullptr;
    decltype(&hexcore_cuda_can_run) can_run = nullptr;
    decltype(&hexcore_cuda_form_team) form_team = nullptr;
    decltype(&hexcore_cuda_disband) disband = nullptr;
    decltype(&hexcore_cuda_can_share) can_share = nullptr;
    decltype(&hexcore_cuda_wait) wait = nullptr;
    decltype(&hexcore_cuda_record) record = nullptr;
    decltype(&hexcore_cuda_launch) launch = nullptr;
    decltype(&hexcore_cuda_launch_team) launch_team = nullptr;
    decltype(&hexcore_cuda_hear) hear = nullptr;
    decltype(&hexcore_cuda_tell) tell = nullptr;
    decltype(&hexcore_cuda_set_slots) set_slots = nullptr;
    decltype(&hexcore_cuda_open_uploads) open_uploads = nullptr;
    decltype(&hexcore_cuda_close_uploads) close_uploads = nullptr;
    decltype(&hexcore_cuda_begin_uploads) begin_uploads = nullptr;
    decltype(&hexcore_cuda_finish_uploads) finish_uploads = nullptr;
    decltype(&hexcore_cuda_give_up) give_up = nullptr;
    decltype(&hexcore_cuda_count) count = nullptr;
    decltype(&hexcore_cuda_compare) compare = nullptr;
    decltype(&hexcore_cuda_begin_recording) begin_recording = nullptr;
    decltype(&hexcore_cuda_end_recording) end_recording = nullptr;
    decltype(&hexcore_cuda_replay) replay = nullptr;
    decltype(&hexcore_cuda_forget) forget = nullptr;

    /// Opened when it is first asked for; null where it isn't built, is of another version, or
    /// HEXCORE_KERNELS says `ggml`.
    [[nodiscard]] static const KernelLibrary* find();
};

}  // namespace hexcore
