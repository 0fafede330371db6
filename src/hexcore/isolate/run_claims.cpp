// One reservation stands for all that a run has running, so that a test costs no file of its own.
// It is for a little more than they need, and grows and shrinks in steps: a run of small tests
// writes it a few times. What is not told as taken counts as still to come, so that is told in
// steps, too, and only of what is worth it; but where less is taken than was told, others know it
// before anything new begins.
#include "hexcore/isolate/run_claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hexcore/isolate/job_order.hpp"
#include "hexcore/reserve/shortage_text.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// A claim grows by this, and what is taken is told by this.
constexpr Bytes claim_step = 64_MiB;
constexpr Bytes any_size{1ULL << 62U};
constexpr RunClaims::Time between_looks = 50ms;
constexpr RunClaims::Time between_settlings = 20ms;
/// Another process may be stopped while it counts; tests do not wait for it for long.
constexpr std::chrono::milliseconds longest_counting{3'000};

Bytes rounded_up(Bytes bytes) {
    const std::uint64_t step = claim_step.count();
    return Bytes((bytes.count() + step - 1) / step * step);
}

/// In steps, down.
Bytes worth_telling(Bytes bytes) {
    return Bytes(bytes.count() / claim_step.count() * claim_step.count());
}

TestNeed worth_telling(const TestNeed& held) {
    TestNeed told{worth_telling(held.host), held.devices};
    for (DeviceLimit& device : told.devices) {
        device.limit = worth_telling(device.limit);
    }
    return told;
}

/// Whether others think that more is taken than is.
bool is_less(const TestNeed& held, const TestNeed& told) {
    return held.host < told.host ||
           std::any_of(told.devices.begin(), told.devices.end(), [&](const DeviceLimit& device) {
               return of_device(held.devices, device.device) < device.limit;
           });
}

bool covers(const Claim& claim, const Claim& needed) {
    return needed.host <= claim.host && needed.cores <= claim.cores &&
           std::all_of(needed.devices.begin(), needed.devices.end(), [&](const DeviceClaim& want) {
               return std::any_of(claim.devices.begin(), claim.devices.end(),
                                  [&](const DeviceClaim& has) {
                                      return has.name == want.name && want.bytes <= has.bytes;
                                  });
           });
}

bool is_much_more(const Claim& claim, const Claim& needed) {
    return claim.host > needed.host + 2 * claim_step || claim.cores > needed.cores ||
           std::any_of(claim.devices.begin(), claim.devices.end(), [&](const DeviceClaim& has) {
               return std::none_of(needed.devices.begin(), needed.devices.end(),
                                   [&](const DeviceClaim& want) {
                                       return want.name == has.name && want.bytes >= has.bytes;
                                   });
           });
}

}  // namespace

Result<std::unique_ptr<RunClaims>> RunClaims::open(const Options& options) {
    std::unique_ptr<RunClaims> claims(new RunClaims(options));
    HEXCORE_TRY(book, ReservationBook::open(
                          {.folder = options.folder,
                           .look = [whose = claims.get()](LookAt at) { return whose->look(at); },
                           .longest_turn = longest_counting}));
    HEXCORE_TRY(own, book.ask(options.name, {}));
    HEXCORE_TRY_VOID(own.tell_used({}));
    claims->book_.emplace(std::move(book));
    claims->own_.emplace(std::move(own));
    return claims;
}

const std::string& RunClaims::id() const { return own_->id(); }

void RunClaims::look_at(MachineRoom& room, std::uint32_t slots) {
    room_ = &room;
    slots_ = slots;
    cores_ = slots;
}

Result<MachineNow> RunClaims::look(LookAt at) const {
    return room_ == nullptr ? look_at_machine(LookAt::host) : room_->look(at);
}

std::vector<DeviceNow> RunClaims::devices_now(const TestNeed& free) const {
    std::vector<DeviceNow> devices;
    for (const TestMachine::Device& device : room_->machine().devices) {
        devices.push_back(
            {device.name, device.uuid, device.total, of_device(free.devices, device.name)});
    }
    return devices;
}

/// Of devices only those that the machine has: what others are is of main memory.
Claim RunClaims::claim_of(const TestNeed& need) const {
    Claim claim{.host = need.host};
    for (const TestMachine::Device& device : room_->machine().devices) {
        if (const Bytes bytes = of_device(need.devices, device.name); bytes > Bytes{}) {
            claim.devices.push_back({device.name, device.uuid, bytes});
        }
    }
    return claim;
}

void RunClaims::give_up(const Error& error) {
    problem_ = error.message + "; what other runs are going to take is not known from here on";
    waiting_.reset();
    own_.reset();
    book_.reset();
    strangers_.clear();
    reserved_ = {};
    denied_.reset();
    cores_ = slots_;
}

void RunClaims::look_at_others(const RoomReading& reading, Time now) {
    if (next_look_ && now < *next_look_) {
        return;
    }
    next_look_ = now + between_looks;
    denied_.reset();
    if (waiting_ && !waiting_->is_held()) {
        const auto got = waiting_->look();
        if (!got) {
            give_up(got.error());
            return;
        }
    }
    auto read = book_->read();
    auto there = look(LookAt::host);
    if (!read || !there) {
        give_up(!read ? read.error() : there.error());
        return;
    }
    // What this one waits for is none of what it is kept from.
    std::erase_if(read->records, [&](const ReservationRecord& record) {
        return waiting_ && record.file == waiting_->id();
    });
    strangers_ = strangers_to(own_->id(), read->records);
    there->devices = devices_now(reading.free);
    const Left left = left_of(*there, strangers_);
    reserved_ = {saturating_subtract(there->host_free, left.host), {}};
    for (std::size_t place = 0; place < left.devices.size(); ++place) {
        reserved_.devices.push_back(
            {left.devices[place].name,
             saturating_subtract(there->devices[place].free, left.devices[place].free)});
    }
    const auto own = std::find_if(read->records.begin(), read->records.end(),
                                  [&](const auto& record) { return record.file == own_->id(); });
    cores_ = !options_.shares_cores || own == read->records.end()
                 ? slots_
                 : std::min(slots_, cores_for(*own, there->cores, read->records));
}

void RunClaims::limit(Room& room, const RoomReading& reading, Time now) {
    if (book_) {
        look_at_others(reading, now);
    }
    room.slots = cores_;
    take(room.free, reserved_);
    if (waiting_) {
        // The order is the book's: until it is this one's turn, nothing begins.
        room.free.host = has_got() ? std::max(room.free.host, awaited_.host) : Bytes{};
        for (DeviceLimit& device : room.free.devices) {
            device.limit = has_got()
                               ? std::max(device.limit, of_device(awaited_.devices, device.device))
                               : Bytes{};
        }
        return;
    }
    if (denied_) {
        room.free.host = std::min(room.free.host, denied_->host);
        for (DeviceLimit& device : room.free.devices) {
            for (const DeviceLimit& denied : denied_->devices) {
                if (denied.device == device.device) {
                    device.limit = std::min(device.limit, denied.limit);
                }
            }
        }
    }
}

RunClaims::Written RunClaims::write(Claim claim, const TestNeed& held, std::uint32_t least) {
    for (DeviceClaim& device : claim.devices) {
        device.used = std::min(device.bytes, of_device(held.devices, device.name));
    }
    const std::uint32_t cores = claim.cores;
    const auto granted = own_->change({.claim = std::move(claim),
                                       .host_used = held.host,
                                       .least_cores = least,
                                       .cores_wanted = told_wanted_});
    if (!granted && granted.error().code == ErrorCode::does_not_fit) {
        refused_ = granted.error().refused;
        return Written::not_at_all;
    }
    if (!granted) {
        give_up(granted.error());
        return Written::yes;
    }
    told_held_ = held;
    if (*granted < cores) {
        cores_ = std::min(cores_, std::max(*granted, 1U));
        return Written::less_cores;
    }
    return Written::yes;
}

/// Until others are looked at again, one like that does not begin.
void RunClaims::deny(const TestNeed& newest) {
    if (!refused_) {
        return;
    }
    const Bytes left{refused_->free_bytes};
    const auto less_than = [&](Bytes need) {
        return std::min(left, saturating_subtract(need, Bytes(1)));
    };
    denied_ = denied_.value_or(TestNeed{any_size, {}});
    if (refused_->device == host_text) {
        denied_->host = less_than(newest.host);
    } else {
        denied_->devices.push_back(
            {refused_->device, less_than(of_device(newest.devices, refused_->device))});
    }
}

bool RunClaims::cover(const RunTaken& taken, std::uint32_t least, const TestNeed& newest) {
    if (book_ && has_got()) {
        const auto absorbed = own_->absorb(*std::exchange(waiting_, std::nullopt));
        if (!absorbed) {
            give_up(absorbed.error());
        }
    }
    if (!book_) {
        return true;
    }
    Claim needed = claim_of(taken.let_in);
    needed.cores = taken.processors;
    least = options_.shares_cores ? least : taken.processors;
    const TestNeed held = worth_telling(taken.held);
    if (covers(own_->claim(), needed) && !is_less(held, told_held_)) {
        return true;
    }
    if (is_less(held, told_held_) && write(own_->claim(), held, least) != Written::yes) {
        return false;
    }
    if (!book_ || covers(own_->claim(), needed)) {
        return true;
    }
    Claim larger = needed;
    larger.host = std::max(own_->claim().host, rounded_up(needed.host));
    Written written = write(larger, held, least);
    if (written == Written::not_at_all && larger.host > needed.host) {
        written = write(needed, held, least);
    }
    if (written == Written::not_at_all) {
        deny(newest);
    }
    return written == Written::yes;
}

void RunClaims::settle(const RunTaken& taken, bool wants_cores, Time now) {
    if (!book_ || now < next_settling_) {
        return;
    }
    Claim needed = claim_of(taken.let_in);
    needed.cores = taken.processors;
    const TestNeed held = worth_telling(taken.held);
    const std::uint32_t wanted =
        options_.shares_cores && wants_cores && cores_ < slots_ ? slots_ - cores_ : 0;
    const bool is_known = !is_less(held, told_held_) && !is_less(told_held_, held) &&
                          (wanted > 0) == (told_wanted_ > 0);
    if (has_got() || (is_known && !is_much_more(own_->claim(), needed))) {
        return;
    }
    next_settling_ = now + between_settlings;
    told_wanted_ = wanted;
    needed.host = std::min(rounded_up(needed.host), std::max(own_->claim().host, needed.host));
    (void)write(std::move(needed), held, taken.processors);
}

void RunClaims::wait_for(const std::string& test, const std::optional<TestNeed>& need) {
    if (!need || !book_) {
        waiting_.reset();
        return;
    }
    if (waiting_ && awaiting_ == test) {
        return;
    }
    waiting_.reset();
    auto asked = book_->ask(fmt::format("{}: {}", options_.name, test), claim_of(*need));
    if (asked) {
        awaiting_ = test;
        awaited_ = *need;
        waiting_.emplace(*std::move(asked));
    } else if (asked.error().code != ErrorCode::does_not_fit) {
        give_up(asked.error());
    }
}

std::optional<RunClaims::Time> RunClaims::next_look() const {
    return waiting_ && !has_got() ? next_look_ : std::nullopt;
}

std::string RunClaims::holders() const {
    std::string text = reserved_text(host_text, strangers_);
    if (room_ != nullptr) {
        for (const TestMachine::Device& device : room_->machine().devices) {
            const std::string of_device = reserved_text(device.name, strangers_);
            if (!of_device.empty()) {
                text += fmt::format("{}of {} {}", text.empty() ? "" : "; ", device.name, of_device);
            }
        }
    }
    return text;
}

std::string RunClaims::core_holders() const {
    return cores_ < slots_ ? fmt::format("this run has {} of {} cores; {}", cores_, slots_,
                                         reserved_text(cores_text, strangers_))
                           : "";
}

}  // namespace hexcore
