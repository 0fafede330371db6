#include <csignal>

#include "hexcore/cage/supervisor/supervision.hpp"

/// hexcore-supervisor: watches over one command for a Cage, or for the child of a fork server that
/// became it. A program of its own, and a small one: it starts in a fraction of a millisecond, and
/// what is in the other's memory is none of it.
int main(int argc, char** argv) {
    // Nothing of the terminal's is for it: it has to stay until all has ended.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    auto task = hexcore::read_task(argc, argv);
    constexpr int wrong_words = 2;
    return task ? hexcore::Supervision(*std::move(task), before).run() : wrong_words;
}
