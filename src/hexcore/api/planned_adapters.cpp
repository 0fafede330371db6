#include "hexcore/api/planned_adapters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "hexcore/base/printable.hpp"
#include "hexcore/model/merged_adapter.hpp"
#include "hexcore/runtime/adapter_numbers.hpp"

namespace hexcore {
namespace {

using Set = PlannedAdapters::Set;

bool is_same(const Set& one, const Set& other) {
    return std::ranges::equal(one, other, {}, &ChosenAdapter::key, &ChosenAdapter::key);
}

Bytes bytes_of(const Set& set) {
    Bytes sum;
    for (const ChosenAdapter& one : set) {
        sum += one.file.bytes();
    }
    return sum;
}

std::string names_of(const Set& set) {
    std::string names;
    for (const ChosenAdapter& one : set) {
        names += (names.empty() ? "" : ", ") + printable(one.file.name);
    }
    return names;
}

/// With a look at every number.
Result<Set> read_whole(std::span<const AdapterWish> wishes, const Inventory& base,
                       const std::atomic<bool>* stop) {
    HEXCORE_TRY(set, read_adapters(wishes, base));
    for (const ChosenAdapter& one : set) {
        HEXCORE_TRY_VOID(check_numbers(one.file, stop));
    }
    return set;
}

Error too_large(const Set& set, Bytes room) {
    return {ErrorCode::does_not_fit,
            fmt::format("the adapters {} take {}, and those that are there at a time may take {}",
                        names_of(set), to_string(bytes_of(set)), to_string(room))};
}

}  // namespace

Result<PlannedAdapters> PlannedAdapters::read(const AdapterWishes& wishes, const Inventory& base,
                                              const std::atomic<bool>* stop) {
    PlannedAdapters planned;
    planned.wished_merging_ = planned.merging_ = wishes.merging;
    planned.resident_ = wishes.resident;
    planned.if_fails_ = wishes.if_fails;
    HEXCORE_TRY(first, read_adapters(wishes.first, base));
    planned.first_ = std::move(first);
    for (const std::vector<AdapterWish>& set_wishes : wishes.more) {
        const bool may_fail = wishes.if_fails == IfAdapterFails::leave_out;
        auto set = may_fail ? read_whole(set_wishes, base, stop) : read_adapters(set_wishes, base);
        const Bytes room = wishes.resident.bytes;
        if (set && room > Bytes() && bytes_of(*set) > room) {
            set = tl::unexpected(too_large(*set, room));
        }
        if (!set && (!may_fail || set.error().code == ErrorCode::interrupted)) {
            return tl::unexpected(std::move(set.error()));
        }
        planned.sets_.push_back(std::move(set));
    }
    HEXCORE_TRY_VOID(planned.check());
    return planned;
}

Result<void> PlannedAdapters::check() const {
    if (const std::size_t n = 1 + with_contexts().size() + (merges() ? 1 : 0); n > max_contexts) {
        return fail(ErrorCode::usage,
                    "{} sets of adapters are asked for, each of which needs a context; there can "
                    "be {}",
                    n, max_contexts);
    }
    if (if_fails_ == IfAdapterFails::fail && merges()) {
        HEXCORE_TRY_VOID(largest_merge());
    }
    return {};
}

/// Each once, and none that the first context has.
std::vector<std::size_t> PlannedAdapters::largest_first() const {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < sets_.size(); ++i) {
        const auto is_there = [&](std::size_t other) { return is_same(*sets_[other], *sets_[i]); };
        if (sets_[i] && !is_same(*sets_[i], first_) && std::ranges::none_of(numbers, is_there)) {
            numbers.push_back(i);
        }
    }
    std::ranges::stable_sort(numbers, std::greater(),
                             [&](std::size_t i) { return bytes_of(*sets_[i]); });
    return numbers;
}

std::vector<std::size_t> PlannedAdapters::with_contexts() const {
    std::vector<std::size_t> numbers = largest_first();
    if (resident_.sets > 0 && numbers.size() > resident_.sets) {
        numbers.resize(resident_.sets);
    }
    if (const std::size_t most = max_contexts - (merges() ? 2 : 1);
        if_fails_ == IfAdapterFails::leave_out && numbers.size() > most) {
        numbers.resize(most);
    }
    numbers.resize(std::min(numbers.size(), most_contexts_));
    if (resident_.bytes > Bytes()) {
        const auto merge = merges() ? largest_merge() : Result<Set>();
        Bytes sum = merge ? bytes_of(*merge) : Bytes();
        const auto first_without = std::ranges::find_if(numbers, [&](std::size_t i) {
            sum += bytes_of(*sets_[i]);
            return sum > resident_.bytes;
        });
        numbers.erase(first_without, numbers.end());
    }
    std::ranges::sort(numbers);
    return numbers;
}

/// More bytes than may be there at a time are none to be planned.
bool PlannedAdapters::merges() const {
    if (merging_ == 0 || largest_first().size() < 2) {
        return false;
    }
    const auto merge = largest_merge();
    return resident_.bytes == Bytes() || !merge || bytes_of(*merge) <= resident_.bytes;
}

Result<Set> PlannedAdapters::largest_merge() const {
    std::vector<std::size_t> numbers = largest_first();
    numbers.resize(std::min<std::size_t>(numbers.size(), merging_));
    std::vector<Set> sets;
    sets.reserve(numbers.size());
    for (const std::size_t i : numbers) {
        sets.push_back(*sets_[i]);
    }
    // Any weights take the same.
    return merged_adapters(
        sets, std::vector<double>(sets.size(), 1.0 / static_cast<double>(sets.size())));
}

std::vector<Set> PlannedAdapters::of_contexts() const {
    std::vector<Set> contexts{first_};
    for (const std::size_t i : with_contexts()) {
        contexts.push_back(*sets_[i]);
    }
    if (merges()) {
        if (auto merge = largest_merge()) {
            contexts.push_back(*std::move(merge));
        }
    }
    return contexts;
}

bool PlannedAdapters::ask_for_less(const Error& reason) {
    const std::vector<std::size_t> numbers = largest_first();
    if (if_fails_ == IfAdapterFails::fail || numbers.empty()) {
        return false;
    }
    // A merge has room for any set, so it may be all that there is.
    const std::size_t least = merges() && largest_merge() ? 0 : 1;
    if (const std::size_t n = with_contexts().size(); n > least) {
        most_contexts_ = n - 1;
        return true;
    }
    if (merges()) {
        merging_ = 0;
        most_contexts_ = 1;
        return true;
    }
    Result<Set>& largest = sets_[numbers.front()];
    Error error = reason;
    error.message =
        fmt::format("the adapters {} ({}) and a context for them do not fit beside the model",
                    names_of(*largest), to_string(bytes_of(*largest)));
    const Set left_out = *largest;
    for (Result<Set>& set : sets_) {
        if (set && is_same(*set, left_out)) {
            set = tl::unexpected(error);
        }
    }
    most_contexts_ = all_contexts;  // there may be room for all of the others
    merging_ = wished_merging_;
    return true;
}

std::vector<PlannedAdapter> PlannedAdapters::planned() const {
    std::vector<PlannedAdapter> planned;
    for (const Set& set : of_contexts()) {
        for (const auto& [file, scale] : set) {
            planned.push_back({.name = file.name,
                               .file = file.path.string(),
                               .content = file.content,
                               .scale = scale,
                               .rank = file.rank(),
                               .bytes = file.bytes()});
        }
    }
    return planned;
}

void PlannedAdapters::explain(Plan& plan) const {
    for (const auto& [file, scale] : first_) {
        plan.explanation.push_back(fmt::format(
            "The adapter {} ({}, rank {}, scale {}) lies beside what it modifies, {} tensors{}.",
            printable(file.name), to_string(file.bytes()), file.rank(), scale, file.pairs.size(),
            file.n_left_out == 0
                ? ""
                : fmt::format("; {} whole norms that came with it are left out, as libllama does",
                              file.n_left_out)));
    }
    const std::size_t n_sets = largest_first().size();
    const std::size_t n_there = with_contexts().size();
    if (n_there < n_sets) {
        plan.explanation.push_back(fmt::format(
            "{} of {} sets of adapters are there at a time, each in a context of its own; the "
            "others take turns with them.",
            n_there, n_sets));
    }
    if (merges()) {
        plan.explanation.push_back(fmt::format("A context has room for {} of them merged into one.",
                                               std::min<std::size_t>(merging_, n_sets)));
    }
}

}  // namespace hexcore
