#include "hexcore/plan/parking_limits.hpp"

#include <algorithm>

namespace hexcore {
namespace {

/// As sizes of limits are typed.
std::string whole_mib(Bytes size) { return fmt::format("{}MiB", size.count() / (1_MiB).count()); }

Bytes ordinary_limit(Bytes planned, const ParkingRoom& room) {
    Bytes limit = std::min(ordinary_parking, Bytes(room.main_memory.count() / 16));
    // A plan that does not fit now is for another time or machine.
    if (planned <= room.main_memory_free) {
        limit = std::min(limit, Bytes((room.main_memory_free - planned).count() / 2));
    }
    return Bytes(limit.count() - limit.count() % (1_MiB).count());
}

}  // namespace

ParkingWish ParkingWish::or_as_in(const Plan& plan) const {
    ParkingWish wish = *this;
    if (plan.parking) {
        wish.memory = memory.value_or(plan.parking->memory);
        wish.files = files.value_or(plan.parking->files);
    }
    return wish;
}

Bytes main_memory_of(const Plan& plan) {
    Bytes sum = plan.host.total() - plan.host.weights;
    for (const PlannedDevice& device : plan.devices) {
        sum += device.kind == DeviceKind::host ? device.planned.total() : Bytes();
    }
    return sum;
}

std::vector<Remedy> lower_parking(Bytes left) {
    if (left < 1_MiB) {
        return {};
    }
    return {{.change = Change::set_parking_memory, .value = whole_mib(left)}};
}

Result<void> check_parking_files(Bytes files, const FolderSpace& space) {
    if (files == Bytes()) {
        return {};
    }
    if (space.folder.empty()) {
        return fail(ErrorCode::usage, {{Change::set_state_folder}},
                    "{} of files are asked for parked sessions, and there is no folder for them",
                    to_string(files));
    }
    if (!space.free || files <= *space.free) {
        return {};
    }
    std::vector<Remedy> remedies = {{Change::set_state_folder}};
    if (*space.free >= 1_MiB) {
        remedies.insert(remedies.begin(),
                        {.change = Change::set_parking_files, .value = whole_mib(*space.free)});
    }
    return fail(ErrorCode::does_not_fit, std::move(remedies),
                "parked sessions may take {} ({} bytes) of files, and the disk of {} has {} ({} "
                "bytes) free: {} bytes too few",
                to_string(files), files.count(), space.folder, to_string(*space.free),
                space.free->count(), (files - *space.free).count());
}

Result<ParkingLimits> limit_parking(const Plan& plan, const ParkingWish& wish,
                                    const ParkingRoom& room) {
    const Bytes planned = main_memory_of(plan);
    const ParkingLimits limits{.memory = wish.memory ? *wish.memory : ordinary_limit(planned, room),
                               .files = wish.files.value_or(Bytes())};
    if (limits.files > Bytes() && limits.memory == Bytes()) {
        return fail(ErrorCode::usage, {{Change::raise_parking_memory}},
                    "{} of files are asked for parked sessions, which get there by way of host "
                    "memory, and none of that is",
                    to_string(limits.files));
    }
    const Bytes left = saturating_subtract(room.main_memory, planned);
    if (wish.memory && *wish.memory > left) {
        return fail(ErrorCode::does_not_fit, lower_parking(left),
                    "parked sessions may take {} ({} bytes) of main memory, {} ({} bytes) are "
                    "planned there besides, and there are {} ({} bytes): {} bytes too few",
                    to_string(*wish.memory), wish.memory->count(), to_string(planned),
                    planned.count(), to_string(room.main_memory), room.main_memory.count(),
                    (*wish.memory - left).count());
    }
    HEXCORE_TRY_VOID(check_parking_files(limits.files, room.files));
    return limits;
}

}  // namespace hexcore
