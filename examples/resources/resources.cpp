// Reserves memory among the programs of this machine, does work that needs it in a process from
// which nothing remains, and says what it took and what was left: resources SIZE
#include <algorithm>
#include <hexcore/hexcore.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

hexcore::Result<void> work(const std::string& size) {
    HEXCORE_TRY(bytes, hexcore::parse_bytes(size));
    HEXCORE_TRY(manager, hexcore::ResourceManager::open({.min_free = bytes, .reserved = bytes}));
    hexcore::Patience patience{.deadline = std::chrono::minutes(1)};
    patience.tell = [](const std::string& sentence) { std::cerr << sentence << '\n'; };
    // Others of this user that reserve count on what is left beside it.
    HEXCORE_TRY(reservation, manager.reserve("an example", {.host = bytes}, patience));

    const hexcore::IsolatedFunction function{.work = [bytes] {
        const std::vector<char> pages(bytes.count(), 'x');
        return std::to_string(std::count(pages.begin(), pages.end(), 'x'));
    }};
    HEXCORE_TRY(run, manager.run_isolated(function, {.cage = {.memory = bytes * 2}}));
    std::cout << "result " << run.result.value_or("none") << ", peak "
              << hexcore::to_string(run.outcome.peak) << ", memory "
              << hexcore::to_string(run.memory) << '\n';
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: resources SIZE\n";
        return 2;
    }
    const auto done = work(argv[1]);
    if (!done) {
        std::cerr << "resources: " << hexcore::told(done.error()) << '\n';
        return static_cast<int>(done.error().code);
    }
    return 0;
}
