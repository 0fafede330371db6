// What to say when something does not fit: changes that help, each planned again before it is
// recommended.

#include <algorithm>
#include <functional>
#include <string>

#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/kv_cache.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore {
namespace {

/// A reserve that was left to the default grows with the budget; one that was given stays.
void raise_budget(DeviceFacts& device, Bytes more) {
    const bool by_default = device.reserve == default_reserve(device.budget);
    device.budget += more;
    device.reserve = by_default ? default_reserve(device.budget) : device.reserve;
}

class Adviser {
public:
    Adviser(const PlanRequest& request, Trials& trials) : request_(request), trials_(trials) {}

    /// Fails only with an interrupt.
    Result<std::vector<Remedy>> advice(const Shortage& shortage) {
        std::vector<Remedy> found;
        const auto add = [&](std::optional<Remedy> change) {
            if (change) {
                found.push_back(*std::move(change));
            }
        };
        add(shorter_context());
        add(smaller_cache());
        add(smaller_expert_cache());
        add(fewer_sequences());
        add(other_policy());
        add(larger_budget(shortage));
        add(every_budget(shortage.missing));
        if (interrupt_) {
            return tl::unexpected(*interrupt_);
        }
        return found;
    }

private:
    static std::string in_mib(Bytes size) {
        return fmt::format("{}MiB", round_up(size, 1_MiB).count() / (1_MiB).count());
    }

    static std::string in_kib(Bytes size) {
        return fmt::format("{}KiB", round_up(size, 1_KiB).count() / (1_KiB).count());
    }

    /// A change that a dry run fails for is none to recommend, and none is after an interrupt.
    bool fits(const PlanRequest& changed) {
        if (interrupt_) {
            return false;
        }
        const Result<RoundsOutcome> tried = run_rounds(changed, trials_, Rounds::hasty);
        if (!tried && tried.error().code == ErrorCode::interrupted) {
            interrupt_ = tried.error();
        }
        return tried && *tried;
    }

    std::optional<Remedy> shorter_context() {
        const std::uint64_t step = context_step(request_.context);
        PlanRequest changed = request_;
        const auto fits_with = [&](std::uint64_t steps) {
            changed.context.tokens = TokenCount(static_cast<std::uint32_t>(steps * step));
            return fits(changed);
        };
        std::uint64_t too_many = request_.context.tokens.value() / step;
        if (too_many <= 1 || !fits_with(1)) {
            return std::nullopt;
        }
        std::uint64_t fitting = 1;
        while (too_many - fitting > 1) {
            const std::uint64_t middle = fitting + (too_many - fitting) / 2;
            (fits_with(middle) ? fitting : too_many) = middle;
        }
        return Remedy{.change = Change::set_context, .count = fitting * step};
    }

    std::optional<Remedy> smaller_cache() {
        PlanRequest changed = request_;
        for (const KvType type : {KvType::q8_0, KvType::q4_0}) {
            changed.context.kv_type = type;
            if (type > request_.context.kv_type && fits(changed)) {
                return Remedy{.change = Change::set_kv_type, .value = to_string(type)};
            }
        }
        return std::nullopt;
    }

    /// The largest that a few looks find.
    std::optional<Remedy> smaller_expert_cache() {
        constexpr int most_looks = 6;
        const Bytes slot = expert_slot_size(request_.model);
        PlanRequest changed = request_;
        const auto fits_with = [&](std::uint32_t slots) {
            changed.expert_cache = slot * slots;
            return fits(changed);
        };
        std::uint32_t too_many = expert_cache_slots(request_);
        if (too_many == 0 || !fits_with(0)) {
            return std::nullopt;
        }
        std::uint32_t fitting = 0;
        for (int i = 0; i < most_looks && too_many - fitting > 1; ++i) {
            const std::uint32_t middle = fitting + (too_many - fitting) / 2;
            (fits_with(middle) ? fitting : too_many) = middle;
        }
        return Remedy{.change = Change::set_expert_cache, .value = in_kib(slot * fitting)};
    }

    std::optional<Remedy> fewer_sequences() {
        const std::uint32_t each = request_.context.tokens.value() / request_.context.sequences;
        PlanRequest changed = request_;
        for (std::uint32_t n = request_.context.sequences - 1; n > 0; n = n > 8 ? n / 2 : n - 1) {
            changed.context.sequences = n;
            changed.context.tokens = TokenCount(each * n);
            if (fits(changed)) {
                return Remedy{.change = Change::fewer_sequences,
                              .value = std::to_string(n),
                              .count = std::uint64_t{each} * n};
            }
        }
        return std::nullopt;
    }

    std::optional<Remedy> other_policy() {
        PlanRequest changed = request_;
        changed.policy = Policy::balanced;
        if (request_.policy == Policy::balanced || request_.policy == Policy::fastest ||
            !fits(changed)) {
            return std::nullopt;
        }
        return Remedy{.change = Change::set_policy, .value = to_string(Policy::balanced)};
    }

    std::optional<Remedy> larger_budget(const Shortage& shortage) {
        const DeviceFacts& device = request_.devices[shortage.device];
        const auto more =
            least_increase([&](PlanRequest& changed,
                               Bytes by) { raise_budget(changed.devices[shortage.device], by); },
                           shortage.missing);
        if (!more) {
            return std::nullopt;
        }
        return Remedy{Change::set_budget, device.name, in_mib(device.budget + *more)};
    }

    std::optional<Remedy> every_budget(Bytes enough) {
        if (request_.devices.size() < 2) {
            return std::nullopt;
        }
        const auto least = least_increase(
            [](PlanRequest& changed, Bytes more) {
                for (DeviceFacts& device : changed.devices) {
                    raise_budget(device, more);
                }
            },
            Bytes(enough.count() / request_.devices.size()));
        if (!least) {
            return std::nullopt;
        }
        return Remedy{.change = Change::raise_each_budget,
                      .value = in_mib(*least),
                      .count = request_.devices.size()};
    }

    /// The least whole number of MiB by which `raise` makes the request fit, near `guess`.
    std::optional<Bytes> least_increase(const std::function<void(PlanRequest&, Bytes)>& raise,
                                        Bytes guess) {
        const auto fits_with = [&](Bytes more) {
            PlanRequest changed = request_;
            raise(changed, more);
            return fits(changed);
        };
        constexpr int doublings = 8;
        Bytes too_little;
        Bytes enough = round_up(std::max(guess, 1_B), 1_MiB);
        for (int i = 0; !fits_with(enough); ++i) {
            if (i == doublings) {
                return std::nullopt;
            }
            too_little = enough;
            enough *= 2;
        }
        if (too_little == Bytes() && enough > 1_MiB && !fits_with(enough - 1_MiB)) {
            return enough;
        }
        while (enough - too_little > 1_MiB) {
            const Bytes middle = too_little + Bytes((enough - too_little).count() /
                                                    (2_MiB).count() * (1_MiB).count());
            if (middle == too_little) {
                break;
            }
            (fits_with(middle) ? enough : too_little) = middle;
        }
        return enough;
    }

    const PlanRequest& request_;
    Trials& trials_;
    std::optional<Error> interrupt_;
};

}  // namespace

Error not_fitting_error(const PlanRequest& request, Trials& trials, const Shortage& shortage) {
    const DeviceFacts& device = request.devices[shortage.device];
    Result<std::vector<Remedy>> advised = Adviser(request, trials).advice(shortage);
    if (!advised) {
        return advised.error();
    }
    Error error{ErrorCode::does_not_fit, {}, *std::move(advised)};
    error.message = fmt::format(
        "{} with {} tokens of context for {} sequence{} in {} does not fit by policy {}: {}{} "
        "bytes ({}) are missing on {}, which may hold {} (a budget of {} less a reserve of {})",
        request.model.name, request.context.tokens.value(), request.context.sequences,
        request.context.sequences == 1 ? "" : "s", to_string(request.context.kv_type),
        to_string(request.policy), certainty(shortage), shortage.missing.count(),
        to_string(shortage.missing), device.name, to_string(device.usable()),
        to_string(device.budget), to_string(device.reserve));
    error.refused = RefusedMemory{device.name, (device.usable() + shortage.missing).count(),
                                  device.usable().count()};
    error.proven = !error.remedies.empty();
    if (!error.proven) {
        error.message += "; neither a shorter context nor a larger budget alone makes it fit";
        error.remedies = {{Change::add_device}, {Change::smaller_model}};
    }
    return error;
}

}  // namespace hexcore
