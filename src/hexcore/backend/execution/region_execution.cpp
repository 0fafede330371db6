#include "hexcore/backend/execution/region_execution.hpp"

#include <algorithm>

#include "hexcore/backend/execution/measure_cpu.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/device/gpu_peers.hpp"

namespace hexcore {
namespace {

/// The most rows that a region can have on one device: a token chooses an expert once.
std::size_t most_rows(const ExpertRegion& region, DeviceId device) {
    const auto n_used = static_cast<std::size_t>(region.ids->ne[0]);
    return std::min<std::size_t>(n_used, region.map->count_on(device)) *
           static_cast<std::size_t>(region.ids->ne[1]);
}

/// As which the memory for the most rows is taken, with those that fill up.
RowGroups most_groups(const ExpertRegion& region, const Device& device) {
    const std::size_t rows = most_rows(region, device.id());
    if (rows == 0) {
        return {};
    }
    if (is_single_token(region)) {
        return {.slots = rows, .tokens = 1};
    }
    const std::size_t fillers = device.is_host()
                                    ? 0
                                    : most_fillers(region.map->count_on(device.id()),
                                                   static_cast<std::size_t>(region.ids->ne[1]));
    return {.slots = 1, .tokens = rows + fillers};
}

std::vector<bool> hosts_of(const Machine& machine) {
    std::vector<bool> hosts;
    for (std::size_t d = 0; d < machine.size(); ++d) {
        hosts.push_back(machine.device(DeviceId(d)).is_host());
    }
    return hosts;
}

/// What whoever stages experts on the devices of a machine holds meanwhile: contexts share the
/// scratch memory of its inner backends.
std::shared_ptr<std::mutex> turns_of(const Machine& machine) {
    static std::mutex mutex;
    static std::map<const Machine*, std::weak_ptr<std::mutex>> turns;
    const std::lock_guard lock(mutex);
    std::erase_if(turns, [](const auto& known) { return known.second.expired(); });
    std::shared_ptr<std::mutex> found = turns[&machine].lock();
    if (!found) {
        found = std::make_shared<std::mutex>();
        turns[&machine] = found;
    }
    return found;
}

StagedPart::Place place_of(DeviceId id, const Device& home) {
    return id == home.id() ? StagedPart::Place::home : StagedPart::Place::elsewhere;
}

/// Of the first device that has one: all of a kind copy from it.
ggml_backend_buffer_type_t pinned_type(const Machine& machine) {
    for (std::size_t d = 0; d < machine.size(); ++d) {
        if (ggml_backend_buffer_type_t type = machine.device(DeviceId(d)).pinned_type()) {
            return type;
        }
    }
    return nullptr;
}

/// Else copies between them go through main memory, though nobody sees it.
void let_gpus_reach_each_other(const Machine& machine, DeviceId home, DeviceId other) {
    const DeviceSpec& a = machine.specs()[home.value()];
    const DeviceSpec& b = machine.specs()[other.value()];
    if (a.kind == DeviceKind::cuda && b.kind == DeviceKind::cuda &&
        !machine.device(home).memory().is_simulated()) {
        (void)let_reach_each_other(a.cuda_index, b.cuda_index);
    }
}

}  // namespace

RegionExecution::RegionExecution(Device& home, Borrowing borrowing,
                                 std::optional<MainMemoryTimes> times)
    : home_(home),
      turns_(turns_of(home.machine())),
      biases_(home.machine()),
      borrowed_(home, borrowing),
      given_times_(times),
      rows_(hosts_of(home.machine())),
      begun_(home.machine().size()),
      ids_(pinned_type(home.machine())),
      indices_(pinned_type(home.machine())),
      activations_(pinned_type(home.machine())),
      results_(pinned_type(home.machine())) {
    for (std::size_t d = 0; d < begun_.size(); ++d) {
        const DeviceId id(d);
        inner_.push_back(device(id).inner_backend());
        if (id != home.id()) {
            (device(id).is_host() ? hosts_ : away_).push_back(id);
            let_gpus_reach_each_other(home.machine(), home.id(), id);
        }
    }
}

RegionExecution::~RegionExecution() { home().synchronize(); }

Device& RegionExecution::device(DeviceId id) { return home_.machine().device(id); }

void RegionExecution::reserve(const ggml_cgraph& graph, const ExpertRegion& region) {
    const std::lock_guard lock(*turns_);
    biases_.reserve(graph, region);
    std::size_t all_rows = static_cast<std::size_t>(ggml_nelements(region.ids));
    for (std::size_t d = 0; d < inner_.size(); ++d) {
        const DeviceId id(d);
        all_rows += most_groups(region, device(id)).rows() - most_rows(region, id);
    }
    for (std::size_t d = 0; d < inner_.size(); ++d) {
        const DeviceId id(d);
        const RowGroups groups = most_groups(region, device(id));
        if (groups.rows() > 0 || id == home_.id()) {
            StagedPart part(device(id), place_of(id, home_), graph, region, groups, all_rows,
                            biases_);
            // A refusal is kept by the device's memory, where the load finds it.
            (void)inner(id).reserve_scratch(part.graph());
        }
    }
    borrowed_.reserve(graph, region);  // nothing is under way at home now
}

ggml_status RegionExecution::compute(const ggml_cgraph& graph, const ExpertRegion& region,
                                     ExpertRows& rows, const ComputeOptions& options) {
    const Work work{graph, region, rows, options};
    read_choice(work);
    const std::lock_guard lock(*turns_);
    if (!biases_.fill(graph, region)) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    const ggml_status status = compute_parts(work);
    for (std::size_t d = 0; d < begun_.size(); ++d) {
        begun_[d].part.reset();
        if (status != GGML_STATUS_SUCCESS) {
            inner_[d]->synchronize();
        }
    }
    return status;
}

void RegionExecution::read_choice(const Work& work) {
    const ggml_tensor& chosen = *work.region.ids;
    auto* ids = ids_.get<std::byte>(ggml_nbytes(&chosen));
    home().get_async(chosen, ids, 0, ggml_nbytes(&chosen));
    home().synchronize();
    work.rows.sort(ids);

    rows_.arrange(work.region, work.rows);
    local_ids_ = indices_.get<std::int32_t>(3 * rows_.size() + work.rows.size());
    input_rows_ = local_ids_ + rows_.size();
    global_ids_ = input_rows_ + rows_.size();
    places_ = global_ids_ + rows_.size();
    rows_.write(work.region, work.rows, local_ids_, input_rows_, places_);
    has_input_in_main_memory_ = false;
}

ggml_status RegionExecution::compute_parts(const Work& work) {
    const DeviceId home = home_.id();
    if (!make_part(work, home)) {
        return GGML_STATUS_ALLOC_FAILED;
    }
    ggml_status status = compute(work, home, home_part().before_input());
    // Main memory computes while it is asked to, so the others are asked first.
    if (status == GGML_STATUS_SUCCESS) {
        status = begin_all(work, away_);
    }
    if (status == GGML_STATUS_SUCCESS) {
        status = begin_products(work, home);
    }
    if (status == GGML_STATUS_SUCCESS) {
        bring_results(away_, true);
        status = begin_hosts(work);
    }
    if (status != GGML_STATUS_SUCCESS) {
        return status;
    }
    bring_results(away_, false);
    bring_results(hosts_, false);
    return compute(work, home, home_part().ordering());
}

ggml_status RegionExecution::begin_all(const Work& work, const std::vector<DeviceId>& devices) {
    for (const DeviceId id : devices) {
        if (work.rows.count(id) == 0) {
            continue;
        }
        if (!make_part(work, id)) {
            return GGML_STATUS_ALLOC_FAILED;
        }
        send_input(id);
        const ggml_status status = begin_products(work, id);
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

ggml_status RegionExecution::begin_hosts(const Work& work) {
    for (const DeviceId id : hosts_) {
        const ggml_status status =
            borrowing_pays(work, id) ? borrow(work, id) : begin_all(work, {id});
        if (status != GGML_STATUS_SUCCESS) {
            return status;
        }
    }
    return GGML_STATUS_SUCCESS;
}

bool RegionExecution::fill_biases(const ggml_cgraph& graph, const ExpertRegion& region) {
    const std::lock_guard lock(*turns_);
    return biases_.fill(graph, region);
}

bool RegionExecution::borrowing_pays(const Work& work, DeviceId host) {
    if (work.rows.count(host) == 0 || work.rows.n_tokens() < 2 ||
        !borrowed_.can_borrow(work.region, host)) {
        return false;
    }
    if (borrowed_.is_always()) {
        return true;
    }
    const auto times = known_times(work.graph, work.region, host, work.options);
    return times && borrowed_.pays(work.region, host, work.rows, *times);
}

std::optional<MainMemoryTimes> RegionExecution::times(const ggml_cgraph& graph,
                                                      const ExpertRegion& region, DeviceId host,
                                                      const ComputeOptions& options) {
    const std::lock_guard lock(*turns_);
    return known_times(graph, region, host, options);
}

std::optional<MainMemoryTimes> RegionExecution::known_times(const ggml_cgraph& graph,
                                                            const ExpertRegion& region,
                                                            DeviceId host,
                                                            const ComputeOptions& options) {
    if (given_times_) {
        return given_times_;
    }
    if (const auto known = times_.find(host); known != times_.end()) {
        return known->second;
    }
    if (borrowed_.can_borrow(region, host)) {
        const auto bus = borrowed_.measure_bus(graph, region, host);
        const auto cpu =
            bus ? measure_cpu(device(host), inner(host), {graph, region, biases_}, options)
                : std::nullopt;
        if (cpu) {
            times_[host] = {.cpu_s = *cpu, .bus_s = *bus};
            GGML_LOG_INFO(
                "hexcore: an expert on %s takes the CPU %.2f ms a token, and %.2f ms to %s\n",
                device(host).name().c_str(), *cpu * 1e3, *bus * 1e3, home_.name().c_str());
        }
    }
    const auto measured = times_.find(host);
    return measured == times_.end() ? std::nullopt : std::optional(measured->second);
}

ggml_status RegionExecution::borrow(const Work& work, DeviceId host) {
    const std::size_t first = rows_.first(host);
    const std::size_t count = work.rows.count(host);
    const ggml_tensor result = home_part().sorted(first, count);
    return borrowed_.compute(work.graph, work.region,
                             {.host = host,
                              .count = count,
                              .local_ids = local_ids_ + first,
                              .global_ids = global_ids_ + first,
                              .input_rows = input_rows_ + first,
                              .input = home_part().input(),
                              .result = result},
                             home(), work.options);
}

bool RegionExecution::make_part(const Work& work, DeviceId id) {
    auto part = std::make_unique<StagedPart>(device(id), place_of(id, home_), work.graph,
                                             work.region, rows_.groups(id), rows_.size(), biases_);
    if (!inner(id).place_in_scratch(part->graph())) {
        return false;
    }
    part->enter_memory(rows_.first(id));
    begun_[id.value()] = {std::move(part), false};
    return true;
}

ggml_status RegionExecution::begin_products(const Work& work, DeviceId id) {
    StagedPart& part = *begun_[id.value()].part;
    const std::size_t first = rows_.first(id);
    if (id == home_.id()) {
        inner(id).set_async(part.places(), places_, 0, ggml_nbytes(&part.places()));
    }
    if (rows_.groups(id).rows() == 0) {
        return GGML_STATUS_SUCCESS;
    }
    inner(id).set_async(part.ids(), local_ids_ + first, 0, ggml_nbytes(&part.ids()));
    if (ggml_tensor* rows = part.input_rows()) {
        inner(id).set_async(*rows, input_rows_ + first, 0, ggml_nbytes(rows));
    }
    return compute(work, id, part.products());
}

void RegionExecution::send_input(DeviceId id) {
    Begun& begun = begun_[id.value()];
    const ggml_tensor& source = home_part().input();
    begun.by_device_copies = inner(id).copy_async_in_turn(home(), source, begun.part->input());
    if (begun.by_device_copies) {
        return;
    }
    auto* bytes = activations_.get<std::byte>(ggml_nbytes(&source));
    if (!has_input_in_main_memory_) {
        home().get_async(source, bytes, 0, ggml_nbytes(&source));
        home().synchronize();
        has_input_in_main_memory_ = true;
    }
    inner(id).set_async(begun.part->input(), bytes, 0, ggml_nbytes(&source));
}

void RegionExecution::bring_results(const std::vector<DeviceId>& devices, bool by_device_copies) {
    for (const DeviceId id : devices) {
        const Begun& begun = begun_[id.value()];
        if (begun.part && begun.by_device_copies == by_device_copies) {
            bring_result(id);
        }
    }
}

void RegionExecution::bring_result(DeviceId id) {
    const Begun& begun = begun_[id.value()];
    const std::size_t first = rows_.first(id);
    const ggml_tensor& result = begun.part->result();
    ggml_tensor target = home_part().sorted(first, rows_.groups(id).rows());
    // The device waited for all that home had begun when it got the activations, so it doesn't
    // overtake whoever used home's scratch memory before.
    if (begun.by_device_copies && home().copy_async(inner(id), result, target)) {
        return;
    }
    const ggml_tensor& all = home_part().sorted();
    auto* bytes = results_.get<std::byte>(ggml_nbytes(&all)) + first * all.nb[1];
    inner(id).get_async(result, bytes, 0, ggml_nbytes(&result));
    inner(id).synchronize();
    home().set_async(target, bytes, 0, ggml_nbytes(&target));
}

ggml_status RegionExecution::compute(const Work& work, DeviceId id, ggml_cgraph graph) {
    return graph.n_nodes == 0 ? GGML_STATUS_SUCCESS : inner(id).compute(graph, work.options);
}

}  // namespace hexcore
