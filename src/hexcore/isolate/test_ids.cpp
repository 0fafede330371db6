#include "hexcore/isolate/test_ids.hpp"

#include "hexcore/base/printable.hpp"

namespace hexcore {

std::string TestIds::next(std::string_view name) {
    const std::string shown = printable(name);
    std::string id = shown;
    while (taken_.contains(id)) {
        id = shown + "#" + std::to_string(++taken_[shown]);
    }
    taken_.emplace(id, 1);
    return id;
}

}  // namespace hexcore
