#include "hexcore/reserve/reservation_book.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include "hexcore/base/check.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/reserve/own_process.hpp"
#include "hexcore/reserve/shortage_text.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds first_look{5};
constexpr milliseconds longest_between_looks{100};

std::optional<Bytes> held_by(std::uint32_t pid) {
    return memory_of_process({}, std::to_string(pid));
}

std::string part_of() {
    const char* whole = ::secure_getenv("HEXCORE_RESERVATION");
    return whole == nullptr ? "" : std::string(whole).substr(0, reservation_name_max);
}

ReservationRecord new_record(const std::string& name, const std::string& within,
                             const Claim& claim) {
    ReservationRecord record;
    record.pid = static_cast<std::uint32_t>(::getpid());
    record.start = own_start();
    record.pid_namespace = own_pid_namespace();
    record.name = shortened(name.empty() ? "memory" : name, reservation_name_max);
    record.within = within;
    record.claim = claim;
    record.host_base = held_by(record.pid).value_or(Bytes{});
    return record;
}

LookAt look_for(const Claim& claim) {
    return claim.devices.empty() ? LookAt::host : LookAt::host_and_gpus;
}

/// Of what is used, only as much as was used earlier, too; nothing of reservations that are new.
void use_less_of(std::vector<ReservationRecord>& records,
                 const std::vector<ReservationRecord>& earlier) {
    for (ReservationRecord& record : records) {
        const auto former =
            std::find_if(earlier.begin(), earlier.end(),
                         [&](const ReservationRecord& other) { return other.file == record.file; });
        const Bytes host = former != earlier.end() ? former->host_used.value_or(Bytes{}) : Bytes{};
        record.host_used = std::min(record.host_used.value_or(Bytes{}), host);
        for (DeviceClaim& device : record.claim.devices) {
            Bytes used;
            if (former != earlier.end()) {
                for (const DeviceClaim& other : former->claim.devices) {
                    used = is_same_device(device.name, device.uuid, other.name, other.uuid)
                               ? other.used
                               : used;
                }
            }
            device.used = std::min(device.used, used);
        }
    }
}

/// Whether it is more of anything.
bool is_more(const Claim& claim, const Claim& than) {
    return claim.host > than.host || claim.cores > than.cores ||
           std::any_of(claim.devices.begin(), claim.devices.end(), [&](const DeviceClaim& device) {
               return std::none_of(
                   than.devices.begin(), than.devices.end(), [&](const DeviceClaim& other) {
                       return is_same_device(device.name, device.uuid, other.name, other.uuid) &&
                              device.bytes <= other.bytes;
                   });
           });
}

Result<void> check_claim(const Claim& claim) {
    for (std::size_t place = 0; place < claim.devices.size(); ++place) {
        const DeviceClaim& device = claim.devices[place];
        for (std::size_t other = 0; other < place; ++other) {
            if (is_same_device(device.name, device.uuid, claim.devices[other].name,
                               claim.devices[other].uuid)) {
                return fail(ErrorCode::usage, "{} is to be reserved of twice; name each once",
                            device.name);
            }
        }
        if (device.name.empty() || device.name.size() > reservation_name_max ||
            device.uuid.size() > reservation_name_max) {
            return fail(ErrorCode::usage,
                        "memory of a device without a name cannot be reserved; name it as cuda:0");
        }
    }
    return {};
}

}  // namespace

struct ReservationBook::Shared {
    /// What was read, and then what was free, before the turn.
    struct Earlier {
        std::vector<ReservationRecord> records = {};
        MachineNow now = {};
    };

    ReservationFolder folder;
    BookOptions options;

    [[nodiscard]] Result<FolderTurn> turn(const std::atomic<bool>* stop = nullptr) const {
        return folder.take_turn(options.longest_turn, stop);
    }
    [[nodiscard]] Result<ReservationsRead> read(const FolderTurn& turn) const {
        HEXCORE_TRY(read, turn.read());
        deal_out_used(read.records, own_pid_namespace(), held_by);
        return read;
    }
    /// What is free, for who holds the turn. GPUs are looked at before, since a driver may take a
    /// second to answer.
    [[nodiscard]] Result<MachineNow> look_with_turn(const std::optional<Earlier>& earlier,
                                                    ReservationsRead& read) const {
        if (!earlier) {
            return options.look(LookAt::host);
        }
        // What was taken since has to be missing in one of the two at least.
        use_less_of(read.records, earlier->records);
        return earlier->now;
    }
    /// Nothing where looking takes no time.
    [[nodiscard]] Result<std::optional<Earlier>> look_before_turn(
        LookAt at, const std::atomic<bool>* stop = nullptr) const {
        if (at == LookAt::host) {
            return std::nullopt;
        }
        Earlier earlier;
        {
            HEXCORE_TRY(first, turn(stop));
            HEXCORE_TRY(known, read(first));
            earlier.records = std::move(known.records);
        }
        HEXCORE_TRY(now, options.look(at));
        earlier.now = std::move(now);
        return earlier;
    }
};

struct MemoryReservation::State {
    std::shared_ptr<const ReservationBook::Shared> shared;
    ReservationRecord record;
    std::optional<FileDescriptor> file = {};
    pid_t owner = ::getpid();
    std::optional<Error> short_of = {};  ///< of the last look of one that waits

    /// Writes `changed` in place of what the file says.
    Result<void> write(const FolderTurn& turn, ReservationRecord changed) {
        HEXCORE_TRY(written, turn.write(changed));
        file.emplace(std::move(written));
        record = std::move(changed);
        return {};
    }

    /// Takes it, or writes that it waits.
    Result<bool> try_to_take() {
        HEXCORE_TRY(earlier, shared->look_before_turn(look_for(record.claim)));
        HEXCORE_TRY(turn, shared->turn());
        HEXCORE_TRY(read, shared->read(turn));
        if (!file) {
            record.file = turn.new_name();
            record.ticket = read.records.empty() ? 1 : read.records.back().ticket + 1;
        }
        HEXCORE_TRY(now, shared->look_with_turn(earlier, read));
        const auto shortages = shortages_of(record, now, read.records, shared->options.kept);
        ReservationRecord changed = record;
        changed.state = shortages.empty() ? ReservationState::held : ReservationState::waiting;
        short_of = shortages.empty() ? std::nullopt
                                     : std::optional(shortage_error(record, shortages, read.records,
                                                                    shared->options.kept));
        if (!file || shortages.empty()) {
            HEXCORE_TRY_VOID(write(turn, std::move(changed)));
        }
        is_hopeless =
            std::any_of(shortages.begin(), shortages.end(),
                        [](const ResourceShortage& shortage) { return shortage.is_forever; });
        return shortages.empty();
    }
    bool is_hopeless = false;

    enum class Cores : std::uint8_t { all, what_is_left };
    /// Gives the cores that it has then. Memory is checked against what others leave, and so are
    /// cores, if it is to have all.
    Result<std::uint32_t> change_to(ReservationRecord changed, std::uint32_t least_cores,
                                    Cores cores) {
        HEXCORE_TRY_VOID(check_claim(changed.claim));
        HEXCORE_CHECK(file && record.state == ReservationState::held && ::getpid() == owner,
                      record.file, "a reservation that is not held");
        HEXCORE_TRY(earlier, shared->look_before_turn(look_for(changed.claim)));
        HEXCORE_TRY(turn, shared->turn());
        HEXCORE_TRY(read, shared->read(turn));
        // Whoever waits has waited longer for what this one wants more.
        ReservationRecord newcomer = changed;
        newcomer.ticket = read.records.empty() ? 1 : read.records.back().ticket + 1;
        HEXCORE_TRY(now, shared->look_with_turn(earlier, read));
        auto shortages = is_more(changed.claim, record.claim)
                             ? shortages_of(newcomer, now, read.records, shared->options.kept)
                             : std::vector<ResourceShortage>();
        if (cores == Cores::what_is_left) {
            for (const ResourceShortage& shortage : shortages) {
                if (shortage.what == cores_text) {
                    const auto missing = static_cast<std::uint32_t>(std::min<std::uint64_t>(
                        shortage.wanted - shortage.left, changed.claim.cores));
                    changed.claim.cores = std::max(changed.claim.cores - missing, least_cores);
                }
            }
            std::erase_if(shortages,
                          [](const auto& shortage) { return shortage.what == cores_text; });
        }
        if (!shortages.empty()) {
            return tl::unexpected(
                shortage_error(newcomer, shortages, read.records, shared->options.kept));
        }
        const std::uint32_t granted = changed.claim.cores;
        HEXCORE_TRY_VOID(write(turn, std::move(changed)));
        return granted;
    }

    void release() {
        if (file && ::getpid() == owner) {
            ::unlink((shared->folder.path() / record.file).c_str());
            // A child that was forked may have it open, too.
            (void)::flock(file->get(), LOCK_UN);
        }
        file.reset();
    }
};

MemoryReservation::MemoryReservation(std::shared_ptr<State> state) : state_(std::move(state)) {}
MemoryReservation::MemoryReservation(MemoryReservation&&) noexcept = default;
MemoryReservation& MemoryReservation::operator=(MemoryReservation&& other) noexcept {
    if (this != &other) {
        release();
        state_ = std::move(other.state_);
    }
    return *this;
}
MemoryReservation::~MemoryReservation() { release(); }

const Claim& MemoryReservation::claim() const { return state_->record.claim; }
const std::string& MemoryReservation::id() const { return state_->record.file; }

bool MemoryReservation::is_held() const {
    return state_ != nullptr && state_->file && state_->record.state == ReservationState::held &&
           ::getpid() == state_->owner;
}

Result<bool> MemoryReservation::look() {
    if (is_held() || !state_->file || ::getpid() != state_->owner) {
        return is_held();
    }
    return state_->try_to_take();
}

std::string MemoryReservation::shortage() const {
    return state_->short_of ? state_->short_of->message : "";
}

Result<void> MemoryReservation::resize(Claim claim) {
    ReservationRecord changed = state_->record;
    changed.claim = std::move(claim);
    const std::uint32_t cores = changed.claim.cores;
    HEXCORE_TRY(granted, state_->change_to(std::move(changed), cores, State::Cores::all));
    (void)granted;
    return {};
}

Result<std::uint32_t> MemoryReservation::change(const ReservationChange& change) {
    ReservationRecord changed = state_->record;
    changed.claim = change.claim;
    changed.host_used = change.host_used;
    changed.cores_wanted = change.cores_wanted;
    return state_->change_to(std::move(changed), change.least_cores, State::Cores::what_is_left);
}

Result<void> MemoryReservation::absorb(MemoryReservation other) {
    HEXCORE_CHECK(is_held() && other.is_held(), state_->record.file, other.state_->record.file);
    HEXCORE_TRY(turn, state_->shared->turn());
    ReservationRecord changed = state_->record;
    const Claim& more = other.state_->record.claim;
    changed.claim.host += more.host;
    changed.claim.cores += more.cores;
    for (const DeviceClaim& device : more.devices) {
        const auto same = std::find_if(
            changed.claim.devices.begin(), changed.claim.devices.end(), [&](const auto& has) {
                return is_same_device(has.name, has.uuid, device.name, device.uuid);
            });
        if (same == changed.claim.devices.end()) {
            changed.claim.devices.push_back(device);
        } else {
            same->bytes += device.bytes;
        }
    }
    return state_->write(turn, std::move(changed));
}

Result<void> MemoryReservation::tell_used(Bytes host, const std::vector<Bytes>& devices) {
    HEXCORE_CHECK(is_held(), state_->record.file, "a reservation that is not held");
    ReservationRecord changed = state_->record;
    changed.host_used = host;
    for (std::size_t place = 0; place < std::min(devices.size(), changed.claim.devices.size());
         ++place) {
        changed.claim.devices[place].used = devices[place];
    }
    HEXCORE_TRY(turn, state_->shared->turn());
    return state_->write(turn, std::move(changed));
}

void MemoryReservation::release() {
    if (state_ != nullptr) {
        state_->release();
    }
}

ReservationBook::ReservationBook(std::shared_ptr<const Shared> shared)
    : shared_(std::move(shared)) {}

Result<ReservationBook> ReservationBook::open(BookOptions options) {
    if (!options.within) {
        options.within = part_of();
    }
    HEXCORE_TRY(folder, ReservationFolder::open(options.folder.empty() ? reservations_home()
                                                                       : options.folder));
    return ReservationBook(
        std::make_shared<const Shared>(Shared{std::move(folder), std::move(options)}));
}

Result<Left> ReservationBook::left(LookAt at) const {
    HEXCORE_TRY(earlier, shared_->look_before_turn(at));
    HEXCORE_TRY(turn, shared_->turn());
    HEXCORE_TRY(read, shared_->read(turn));
    HEXCORE_TRY(now, shared_->look_with_turn(earlier, read));
    return left_of(now, read.records);
}

Result<ReservationsRead> ReservationBook::read() const {
    HEXCORE_TRY(turn, shared_->turn());
    return shared_->read(turn);
}

Result<MemoryReservation> ReservationBook::ask(const std::string& name, const Claim& claim) const {
    HEXCORE_TRY_VOID(check_claim(claim));
    auto state = std::make_shared<MemoryReservation::State>(
        MemoryReservation::State{shared_, new_record(name, *shared_->options.within, claim)});
    HEXCORE_TRY(is_held, state->try_to_take());
    if (!is_held && state->is_hopeless) {
        state->release();
        return tl::unexpected(*state->short_of);
    }
    return MemoryReservation(std::move(state));
}

Result<MemoryReservation> ReservationBook::reserve(const std::string& name, const Claim& claim,
                                                   const Patience& patience) const {
    const auto end = Clock::now() + patience.deadline;
    HEXCORE_TRY(reservation, ask(name, claim));
    auto pause = first_look;
    for (bool is_told = false; !reservation.is_held(); is_told = true) {
        if (patience.stop != nullptr && patience.stop->load()) {
            return fail(ErrorCode::interrupted,
                        "interrupted while waiting to reserve memory; none is reserved");
        }
        const auto now = Clock::now();
        if (now >= end) {
            return tl::unexpected(*reservation.state_->short_of);
        }
        if (!is_told && patience.tell) {
            patience.tell(reservation.state_->short_of->message);
        }
        std::this_thread::sleep_for(
            std::min(pause, std::chrono::duration_cast<milliseconds>(end - now) + milliseconds(1)));
        pause = std::min(pause * 2, longest_between_looks);
        HEXCORE_TRY(is_held, reservation.look());
        (void)is_held;
    }
    return reservation;
}

}  // namespace hexcore
