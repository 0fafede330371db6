#include "hexcore/plan/pack.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace hexcore {
namespace {

class Packer {
public:
    Packer(const Problem& problem, const DeviceBytes& rooms, std::uint32_t max_steps)
        : sizes_(problem.class_bytes()),
          rooms_(rooms),
          n_devices_(problem.n_devices()),
          steps_left_(max_steps),
          quotas_(n_devices_, std::vector<std::uint32_t>(sizes_.size(), 0)) {
        for (std::uint32_t c = 0; c < sizes_.size(); ++c) {
            left_.push_back(problem.n_experts(c, 0, problem.n_layers()));
        }
    }

    std::optional<Quotas> pack() {
        if (sizes_.size() == 1) {
            return one_size();
        }
        return fill_device(0) ? std::optional(quotas_) : std::nullopt;
    }

private:
    std::optional<Quotas> one_size() {
        std::uint64_t slots = 0;
        for (std::uint32_t d = 0; d < n_devices_; ++d) {
            const std::uint64_t most =
                sizes_[0] == 0 ? left_[0]
                               : std::min<std::uint64_t>(rooms_[d] / sizes_[0], left_[0]);
            quotas_[d][0] = static_cast<std::uint32_t>(most);
            slots += most;
        }
        return slots >= left_[0] ? std::optional(quotas_) : std::nullopt;
    }

    bool enough_bytes_left(std::uint32_t device) const {
        std::uint64_t room = 0;
        std::uint64_t need = 0;
        for (std::uint32_t d = device; d < n_devices_; ++d) {
            room += rooms_[d];
        }
        for (std::size_t c = 0; c < sizes_.size(); ++c) {
            need += left_[c] * sizes_[c];
        }
        return need <= room;
    }

    bool fill_device(std::uint32_t device) {
        if (std::all_of(left_.begin(), left_.end(), [](std::uint32_t n) { return n == 0; })) {
            return true;
        }
        if (device == n_devices_ || !enough_bytes_left(device) ||
            failed_.contains({device, left_})) {
            return false;
        }
        if (fill_class(device, 0, rooms_[device])) {
            return true;
        }
        failed_.insert({device, left_});
        return false;
    }

    bool fill_class(std::uint32_t device, std::uint32_t c, std::uint64_t room) {
        if (c == sizes_.size()) {
            return fill_device(device + 1);
        }
        const std::uint32_t most =
            sizes_[c] == 0
                ? left_[c]
                : static_cast<std::uint32_t>(std::min<std::uint64_t>(room / sizes_[c], left_[c]));
        // Of the smallest size, taking fewer than fit can never help.
        const std::uint32_t least = c + 1 == sizes_.size() ? most : 0;
        for (std::uint32_t take = most + 1; take-- > least;) {
            if (steps_left_ == 0) {
                return false;
            }
            --steps_left_;
            left_[c] -= take;
            quotas_[device][c] = take;
            if (fill_class(device, c + 1, room - take * sizes_[c])) {
                return true;
            }
            quotas_[device][c] = 0;
            left_[c] += take;
        }
        return false;
    }

    const std::vector<std::uint64_t>& sizes_;
    const DeviceBytes& rooms_;
    std::uint32_t n_devices_;
    std::uint32_t steps_left_;
    std::vector<std::uint32_t> left_;  ///< [class]
    Quotas quotas_;
    std::set<std::pair<std::uint32_t, std::vector<std::uint32_t>>> failed_;
};

}  // namespace

std::optional<Quotas> pack_experts(const Problem& problem, const DeviceBytes& rooms,
                                   std::uint32_t max_steps) {
    if (problem.class_bytes().empty()) {
        return Quotas(problem.n_devices());
    }
    return Packer(problem, rooms, max_steps).pack();
}

}  // namespace hexcore
