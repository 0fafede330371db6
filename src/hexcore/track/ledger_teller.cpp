#include "hexcore/track/ledger_teller.hpp"

#include <array>
#include <string_view>

namespace hexcore {
namespace {

std::string_view name_of(const std::optional<Purpose>& purpose) {
    return purpose ? to_string(*purpose) : std::string_view();
}

}  // namespace

LedgerTeller::~LedgerTeller() {
    if (holder_ != 0) {
        Teller::of_process().close_holder(holder_);
    }
}

void LedgerTeller::told(const LedgerEvent& event) noexcept {
    Teller& teller = Teller::of_process();
    if (!teller.is_heard()) {
        return;
    }
    if (holder_ == 0) {
        holder_ = teller.open_holder(HolderKind::ledger, event.device, total_);
    }
    switch (event.kind) {
        case LedgerEvent::Kind::taken_ahead:
            return;  // nobody has asked for it yet
        case LedgerEvent::Kind::taken:
            teller.taken(holder_, event.id, event.bytes, name_of(event.purpose));
            break;
        case LedgerEvent::Kind::relabelled:
            teller.relabelled(holder_, event.id, event.bytes, name_of(event.purpose),
                              name_of(event.purpose_before));
            break;
        case LedgerEvent::Kind::released:
            if (event.purpose) {
                teller.released(holder_, event.id, event.bytes, name_of(event.purpose));
            }
            break;
        case LedgerEvent::Kind::refused:
            teller.refused(holder_, event.bytes, name_of(event.purpose));
            break;
    }
    if (const std::uint64_t generation = teller.generation(); generation != generation_) {
        generation_ = generation;
        tell_amounts(event.held);
    }
}

void LedgerTeller::tell_amounts(const Usage& held) noexcept {
    std::array<std::string_view, all_purposes.size()> names;
    std::array<std::uint64_t, all_purposes.size()> bytes{};
    for (std::size_t i = 0; i < all_purposes.size(); ++i) {
        names[i] = to_string(all_purposes[i]);
        bytes[i] = held[all_purposes[i]].count();
    }
    Teller::of_process().amounts(holder_, names, bytes);
}

}  // namespace hexcore
