#include <algorithm>
#include <array>
#include <string_view>

#include "hexcore/track/teller.hpp"
#include "hexcore/tracker.h"

namespace {

using hexcore::Teller;

std::string_view text_of(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

int hexcore_watched() { return Teller::of_process().is_heard() ? 1 : 0; }

void hexcore_label_begin(const char* name) { Teller::of_process().label_begins(text_of(name)); }

void hexcore_label_end() { Teller::of_process().label_ends(); }

void hexcore_mark(const char* name) { Teller::of_process().mark(text_of(name)); }

hexcore_holder hexcore_holder_open(int kind, const char* device, std::uint64_t total_bytes) {
    const bool is_known = kind >= HEXCORE_HOLDER_LEDGER && kind <= HEXCORE_HOLDER_PROGRAM;
    return Teller::of_process().open_holder(
        is_known ? static_cast<hexcore::HolderKind>(kind) : hexcore::HolderKind::program,
        text_of(device), hexcore::Bytes(total_bytes));
}

void hexcore_holder_close(hexcore_holder holder) { Teller::of_process().close_holder(holder); }

void hexcore_amounts(hexcore_holder holder, std::size_t n, const char* const* names,
                     const std::uint64_t* bytes) {
    n = std::min(n, hexcore::recorded_amounts_max);
    std::array<std::string_view, hexcore::recorded_amounts_max> texts;
    std::transform(names, names + n, texts.begin(), text_of);
    Teller::of_process().amounts(holder, {texts.data(), n}, {bytes, n});
}

void hexcore_allocated(hexcore_holder holder, std::uint64_t id, std::uint64_t bytes,
                       const char* purpose) {
    Teller::of_process().taken(holder, id, hexcore::Bytes(bytes), text_of(purpose));
}

void hexcore_released(hexcore_holder holder, std::uint64_t id) {
    Teller::of_process().released(holder, id);
}
