#include "hexcore/reserve/standing.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace hexcore {
namespace {

// Plain numbers: of bytes or of cores. What a file claims may be anything up to 2^63, and counts as
// 1 PiB at most, so that a folder of them adds up.
using Amount = std::uint64_t;
constexpr Amount largest = 1ULL << 50;

Amount minus(Amount a, Amount b) { return a > b ? a - b : 0; }

/// What a reservation claims of one thing, and has of it.
struct Share {
    Amount claim = 0;
    Amount used = 0;
};

/// One thing that can run short.
struct Resource {
    enum class Kind { host, device, cores } kind;
    std::string name = {};
    std::string uuid = {};

    [[nodiscard]] Share of(const ReservationRecord& record) const {
        const Share share = stated_by(record);
        return {std::min(share.claim, largest), std::min(share.used, largest)};
    }
    [[nodiscard]] std::string text() const {
        return kind == Kind::host ? host_text : kind == Kind::cores ? cores_text : name;
    }

private:
    [[nodiscard]] Share stated_by(const ReservationRecord& record) const {
        switch (kind) {
            case Kind::host:
                return {record.claim.host.count(), record.host_used.value_or(Bytes{}).count()};
            case Kind::cores:
                return {record.claim.cores, 0};
            case Kind::device:
                break;
        }
        for (const DeviceClaim& device : record.claim.devices) {
            if (is_same_device(device.name, device.uuid, name, uuid)) {
                return {device.bytes.count(), device.used.count()};
            }
        }
        return {};
    }
};

/// Which reservation is part of which.
class PartTree {
public:
    explicit PartTree(const std::vector<const ReservationRecord*>& records)
        : records_(records), parts_(records.size()) {
        std::map<std::string_view, std::size_t> places;
        for (std::size_t place = 0; place < records.size(); ++place) {
            places.emplace(records[place]->file, place);
        }
        std::vector<std::size_t> whole(records.size(), nowhere);
        for (std::size_t place = 0; place < records.size(); ++place) {
            const auto found = places.find(records[place]->within);
            if (!records[place]->within.empty() && found != places.end() &&
                !leads_to(whole, found->second, place)) {
                whole[place] = found->second;
                parts_[found->second].push_back(place);
            }
        }
        for (std::size_t place = 0; place < records.size(); ++place) {
            if (whole[place] == nowhere) {
                tops_.push_back(place);
            }
        }
    }

    /// Taken by those that claimed it: what they can give back.
    [[nodiscard]] Amount taken(const Resource& resource) const {
        Amount sum = 0;
        for (const std::size_t top : tops_) {
            sum += share_of(top, resource).used;
        }
        return sum;
    }

    /// Claimed and not yet taken, of all of them.
    [[nodiscard]] Amount outstanding(const Resource& resource) const {
        Amount sum = 0;
        for (const std::size_t top : tops_) {
            const Share share = share_of(top, resource);
            sum += minus(share.claim, share.used);
        }
        return sum;
    }

private:
    static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

    /// Whether `from` is `to` or a part of it, at any depth.
    static bool leads_to(const std::vector<std::size_t>& whole, std::size_t from, std::size_t to) {
        for (; from != nowhere; from = whole[from]) {
            if (from == to) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] Share share_of(std::size_t place, const Resource& resource) const {
        Share parts;
        for (const std::size_t part : parts_[place]) {
            const Share share = share_of(part, resource);
            parts.claim += share.claim;
            parts.used += share.used;
        }
        const Share own = resource.of(*records_[place]);
        const Amount claim = std::max(own.claim, parts.claim);
        return {claim, std::min(claim, std::max(own.used, parts.used))};
    }

    const std::vector<const ReservationRecord*>& records_;
    std::vector<std::vector<std::size_t>> parts_;
    std::vector<std::size_t> tops_;
};

/// What a record is a part of, by its name.
class Ancestry {
public:
    explicit Ancestry(const std::vector<ReservationRecord>& records) {
        for (const ReservationRecord& record : records) {
            by_file_.emplace(record.file, &record);
        }
    }

    /// At any depth; each is within itself.
    [[nodiscard]] bool is_within(const std::string& inner, const std::string& outer) const {
        const std::string* file = &inner;
        for (std::size_t steps = 0; steps <= by_file_.size(); ++steps) {
            if (*file == outer) {
                return true;
            }
            const auto found = by_file_.find(*file);
            if (found == by_file_.end()) {
                return false;
            }
            file = &found->second->within;
        }
        return false;
    }

    /// The nearest one around it that holds cores; null: none.
    [[nodiscard]] const ReservationRecord* counts_cores_of(const ReservationRecord& record) const {
        const std::string* file = &record.within;
        for (std::size_t steps = 0; steps <= by_file_.size(); ++steps) {
            const auto found = by_file_.find(*file);
            if (found == by_file_.end()) {
                return nullptr;
            }
            if (found->second->claim.cores > 0 && found->second->file != record.file) {
                return found->second;
            }
            file = &found->second->within;
        }
        return nullptr;
    }

private:
    std::map<std::string_view, const ReservationRecord*> by_file_;
};

bool is_same(const DeviceClaim& claim, const DeviceNow& device) {
    return is_same_device(claim.name, claim.uuid, device.name, device.uuid);
}

/// Those that hold, and those that wait with reason: for what others can give back. One that waits
/// for what somebody has who reserved nothing could keep all others from what is free.
std::vector<const ReservationRecord*> counting(const std::vector<ReservationRecord>& records,
                                               const MachineNow& now) {
    std::vector<const ReservationRecord*> held;
    for (const ReservationRecord& record : records) {
        if (record.state == ReservationState::held) {
            held.push_back(&record);
        }
    }
    const PartTree tree(held);
    const auto can_be = [&](const Resource& resource, Bytes wanted, Bytes free) {
        return std::min(wanted.count(), largest) <= free.count() + tree.taken(resource);
    };
    std::vector<const ReservationRecord*> counted;
    for (const ReservationRecord& record : records) {
        bool counts = true;
        if (record.state == ReservationState::waiting && record.within.empty()) {
            counts = can_be({Resource::Kind::host}, record.claim.host, now.host_free);
            for (const DeviceClaim& device : record.claim.devices) {
                for (const DeviceNow& there : now.devices) {
                    counts = counts && (!is_same(device, there) ||
                                        can_be({Resource::Kind::device, there.name, there.uuid},
                                               device.bytes, there.free));
                }
            }
        }
        if (counts) {
            counted.push_back(&record);
        }
    }
    return counted;
}

/// The newcomer's view: how much of one thing others leave, and how much more it wants.
ResourceShortage compare(const Resource& resource, Amount total, Amount free, Amount before,
                         Amount after, const KeptBack& kept) {
    const bool is_memory = resource.kind != Resource::Kind::cores;
    const Amount reserved = is_memory ? kept.reserved.count() : 0;
    const Amount min_free = is_memory ? kept.min_free.count() : 0;
    const Amount wanted = minus(after, before);
    const Amount others_leave = minus(free, before);
    const Amount left = minus(others_leave, reserved);
    if (wanted > 0 && wanted <= left && others_leave < min_free) {
        return {resource.text(), min_free, others_leave, min_free > total};
    }
    return {resource.text(), wanted, left, wanted > minus(total, reserved)};
}

}  // namespace

void deal_out_used(std::vector<ReservationRecord>& records, std::uint64_t pid_namespace,
                   const std::function<std::optional<Bytes>(std::uint32_t pid)>& held) {
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::vector<ReservationRecord*>> by_process;
    for (ReservationRecord& record : records) {
        if (!record.host_used && record.pid_namespace == pid_namespace && pid_namespace != 0 &&
            record.state == ReservationState::held) {
            by_process[{record.pid, record.start}].push_back(&record);
        }
    }
    for (auto& [process, its] : by_process) {
        std::sort(its.begin(), its.end(), [](const auto* a, const auto* b) {
            return std::tie(a->ticket, a->file) < std::tie(b->ticket, b->file);
        });
        Bytes base = its.front()->host_base;
        for (const ReservationRecord* record : its) {
            base = std::min(base, record->host_base);
        }
        Bytes grown = saturating_subtract(held(process.first).value_or(Bytes{}), base);
        for (ReservationRecord* record : its) {
            record->host_used = std::min(grown, record->claim.host);
            grown -= *record->host_used;
        }
    }
}

Left left_of(const MachineNow& now, const std::vector<ReservationRecord>& records) {
    const auto all = counting(records, now);
    const PartTree tree(all);
    Left left{.host = Bytes(minus(now.host_free.count(), tree.outstanding({Resource::Kind::host}))),
              .devices = now.devices,
              .cores = static_cast<std::uint32_t>(
                  minus(now.cores, tree.outstanding({Resource::Kind::cores})))};
    for (DeviceNow& device : left.devices) {
        device.free =
            Bytes(minus(device.free.count(),
                        tree.outstanding({Resource::Kind::device, device.name, device.uuid})));
    }
    return left;
}

std::vector<ReservationRecord> strangers_to(const std::string& file,
                                            const std::vector<ReservationRecord>& records) {
    const Ancestry ancestry(records);
    std::vector<ReservationRecord> strangers;
    for (const ReservationRecord& record : records) {
        if (!ancestry.is_within(record.file, file) && !ancestry.is_within(file, record.file)) {
            strangers.push_back(record);
        }
    }
    return strangers;
}

std::uint32_t cores_for(const ReservationRecord& own, std::uint32_t cores,
                        const std::vector<ReservationRecord>& records) {
    const Ancestry ancestry(records);
    // Those within one that counts its cores share these.
    const ReservationRecord* whole = ancestry.counts_cores_of(own);
    const std::uint64_t total = whole == nullptr ? cores : whole->claim.cores;
    std::uint64_t held = 0;
    std::uint64_t of_content = 0;
    std::uint64_t wanting = 0;
    for (const ReservationRecord& record : records) {
        const bool is_beside = record.file != own.file && record.claim.cores > 0 &&
                               record.state == ReservationState::held &&
                               ancestry.counts_cores_of(record) == whole;
        if (is_beside) {
            held += record.claim.cores;
            of_content += record.cores_wanted == 0 ? record.claim.cores : 0;
            wanting += record.cores_wanted > 0 ? 1 : 0;
        }
    }
    std::uint64_t most = minus(total, held);
    if (wanting > 0) {
        const std::uint64_t shared = minus(total, of_content);
        most = std::min(most, (shared + wanting) / (wanting + 1));
    }
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(most, 1));
}

std::vector<ResourceShortage> shortages_of(const ReservationRecord& newcomer, const MachineNow& now,
                                           const std::vector<ReservationRecord>& records,
                                           const KeptBack& kept) {
    std::vector<const ReservationRecord*> before;
    std::vector<const ReservationRecord*> after;
    for (const ReservationRecord* record : counting(records, now)) {
        const bool is_own = record->file == newcomer.file;
        const bool counts =
            record->state == ReservationState::held || record->ticket < newcomer.ticket;
        if (is_own ? record->state == ReservationState::held : counts) {
            before.push_back(record);
        }
        if (!is_own && counts) {
            after.push_back(record);
        }
    }
    after.push_back(&newcomer);
    const PartTree tree_before(before);
    const PartTree tree_after(after);

    std::vector<ResourceShortage> shortages;
    const auto look = [&](const Resource& resource, Amount total, Amount free) {
        const ResourceShortage shortage =
            compare(resource, total, free, tree_before.outstanding(resource),
                    tree_after.outstanding(resource), kept);
        if (shortage.wanted > shortage.left) {
            shortages.push_back(shortage);
        }
    };
    look({Resource::Kind::host}, now.host_total.count(), now.host_free.count());
    if (newcomer.claim.cores > 0) {
        look({Resource::Kind::cores}, now.cores, now.cores);
    }
    for (const DeviceClaim& device : newcomer.claim.devices) {
        const auto there =
            std::find_if(now.devices.begin(), now.devices.end(),
                         [&](const DeviceNow& other) { return is_same(device, other); });
        const bool is_there = there != now.devices.end();
        look({Resource::Kind::device, device.name, device.uuid},
             is_there ? there->total.count() : 0, is_there ? there->free.count() : 0);
    }
    return shortages;
}

}  // namespace hexcore
