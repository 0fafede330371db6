#include "hostile/bad_things.hpp"

#include <unistd.h>

namespace hostile {

const std::vector<BadThing>& bad_things() {
    static const std::vector<BadThing> all = [] {
        std::vector<BadThing> things;
        for (const auto& part : {bad_ends(), bad_signals(), bad_hangs(), bad_leftovers(),
                                 bad_memory(), bad_output(), bad_names()}) {
            things.insert(things.end(), part.begin(), part.end());
        }
        return things;
    }();
    return all;
}

void end_in_the_end() {
    constexpr unsigned seconds = 120;
    ::alarm(seconds);
}

}  // namespace hostile
