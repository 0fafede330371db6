#include "hexcore/reserve/shortage_text.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

constexpr std::size_t shown_max = 3;

std::string amount(const std::string& what, std::uint64_t number) {
    return what == cores_text ? std::to_string(number) : to_string(Bytes(number));
}

/// What a reservation has of it that is not taken yet.
std::uint64_t claimed(const ReservationRecord& record, const std::string& what) {
    if (what == cores_text) {
        return record.claim.cores;
    }
    if (what == host_text) {
        return saturating_subtract(record.claim.host, record.host_used.value_or(Bytes{})).count();
    }
    for (const DeviceClaim& device : record.claim.devices) {
        if (device.name == what) {
            return saturating_subtract(device.bytes, device.used).count();
        }
    }
    return 0;
}

std::string holders(const ReservationRecord& newcomer, const ResourceShortage& shortage,
                    const std::vector<ReservationRecord>& records) {
    std::vector<ReservationRecord> having;
    for (const ReservationRecord& record : records) {
        const bool counts =
            record.state == ReservationState::held || record.ticket < newcomer.ticket;
        if (record.file != newcomer.file && counts) {
            having.push_back(record);
        }
    }
    const std::string text = reserved_text(shortage.what, having);
    return text.empty() ? "" : "; " + text;
}

}  // namespace

std::string reserved_text(const std::string& what, const std::vector<ReservationRecord>& records) {
    std::vector<std::pair<std::uint64_t, const ReservationRecord*>> having;
    for (const ReservationRecord& record : records) {
        if (claimed(record, what) > 0) {
            having.emplace_back(claimed(record, what), &record);
        }
    }
    std::stable_sort(having.begin(), having.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string text;
    for (std::size_t place = 0; place < std::min(having.size(), shown_max); ++place) {
        const auto& [number, record] = having[place];
        text +=
            fmt::format("{}{} {} process {} ({})", text.empty() ? "" : ", ", amount(what, number),
                        record->state == ReservationState::held ? "by" : "waited for by",
                        record->pid, shortened(record->name, 80));
    }
    if (having.size() > shown_max) {
        text += fmt::format(" and {} more", having.size() - shown_max);
    }
    return text.empty() ? "" : "reserved and not yet taken are " + text;
}

Error shortage_error(const ReservationRecord& newcomer,
                     const std::vector<ResourceShortage>& shortages,
                     const std::vector<ReservationRecord>& records, const KeptBack& kept) {
    Error error{ErrorCode::does_not_fit, ""};
    for (const ResourceShortage& shortage : shortages) {
        const bool is_memory = shortage.what != cores_text;
        error.message += fmt::format(
            "{}{} needs {} of {}, and {} are left{}{}", error.message.empty() ? "" : "; ",
            shortened(newcomer.name, 80), amount(shortage.what, shortage.wanted), shortage.what,
            amount(shortage.what, shortage.left),
            is_memory && kept.reserved > Bytes{}
                ? fmt::format(" beside {} that stay free", to_string(kept.reserved))
                : "",
            holders(newcomer, shortage, records));
        if (is_memory && !error.refused) {
            error.refused = RefusedMemory{shortage.what, shortage.wanted, shortage.left};
        }
    }
    const bool is_forever =
        std::any_of(shortages.begin(), shortages.end(),
                    [](const ResourceShortage& shortage) { return shortage.is_forever; });
    error.message += is_forever ? "; that is more than there ever is: ask for less"
                                : "; wait until others have ended, or ask for less";
    return error;
}

}  // namespace hexcore
