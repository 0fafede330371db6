#include "hexcore/cli/router_shown.hpp"

#include <fmt/format.h>

#include "hexcore/cli/terminal.hpp"

namespace hexcore {

Result<Router> router_shown(const AssistantDescription& assistant, Engine& base,
                            const ChatTemplate& chat_template, const Interrupt& interrupt) {
    bool told = false;
    const auto tell = [&told](RouterProgress progress) {
        if (stderr_is_terminal()) {
            print_aside(fmt::format("\r\033[Kthe router learns from examples, once: {} of {}",
                                    progress.done, progress.total));
        } else if (!told) {
            complain(fmt::format("the router learns from {} examples, which is done once",
                                 progress.total));
        }
        told = true;
    };
    auto router = trained_router(assistant, base, chat_template, tell, interrupt.flag());
    if (told && stderr_is_terminal()) {
        print_aside("\r\033[K");
    }
    return router;
}

}  // namespace hexcore
