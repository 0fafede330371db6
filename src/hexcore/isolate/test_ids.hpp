#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace hexcore {

/// Makes what tests are called in a run: their names without what a terminal would not show, and
/// each only once. The second `Suite.Name` is `Suite.Name#2`.
class TestIds {
public:
    [[nodiscard]] std::string next(std::string_view name);

private:
    std::unordered_map<std::string, unsigned> taken_;
};

}  // namespace hexcore
