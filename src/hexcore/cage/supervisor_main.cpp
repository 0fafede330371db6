#include <csignal>
#include <cstdlib>
#include <cstring>

#include "hexcore/cage/supervisor/misdeeds.hpp"
#include "hexcore/cage/supervisor/serve.hpp"
#include "hexcore/cage/supervisor/supervision.hpp"

/// hexcore-supervisor: watches over one command for a Cage, or for the child of a fork server that
/// became it. A program of its own, and a small one: it starts in a fraction of a millisecond, and
/// what is in the other's memory is none of it.
int main(int argc, char** argv) {
    constexpr int words_of_a_misdeed = 4;
    if (argc == words_of_a_misdeed && std::strcmp(argv[1], "--misdeed") == 0) {
        return hexcore::do_misdeed(argv[2], std::atoi(argv[3]));
    }
    constexpr int words_of_a_server = 4;
    if (argc == words_of_a_server && std::strcmp(argv[1], "--serve") == 0) {
        sigset_t held;
        sigfillset(&held);
        sigprocmask(SIG_SETMASK, &held, nullptr);
        return hexcore::serve_supervisors(std::atoi(argv[2]),
                                          std::strcmp(argv[3], hexcore::own_shares_served) == 0
                                              ? hexcore::ServedShares::own
                                              : hexcore::ServedShares::observed);
    }
    // Nothing of the terminal's is for it: it has to stay until all has ended.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    auto task = hexcore::read_task(argc, argv);
    constexpr int wrong_words = 2;
    return task ? hexcore::Supervision(*std::move(task), before).run() : wrong_words;
}
