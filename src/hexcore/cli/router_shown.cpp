#include "hexcore/cli/router_shown.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>

#include "hexcore/cli/terminal.hpp"

namespace hexcore {

Result<Router> router_shown(const AssistantDescription& assistant, Engine& base,
                            const ChatTemplate& chat_template, const Interrupt& interrupt) {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds between_lines(10);
    bool told = false;
    bool is_kept = false;
    auto newest_line = Clock::now();
    const auto tell = [&](RouterProgress progress) {
        if (!told) {
            const auto kept = check_router_cache();
            if (!kept) {
                complain(kept.error().message);
            }
            is_kept = kept.has_value();
        }
        const std::string_view once = is_kept ? ", once" : "";
        if (stderr_has_cursor()) {
            print_aside(fmt::format("\r\033[Kthe router learns from examples{}: {} of {}", once,
                                    progress.done, progress.total));
        } else if (!told) {
            complain(fmt::format("the router learns from {} examples{}", progress.total, once));
        } else if (Clock::now() - newest_line >= between_lines) {
            complain(fmt::format("the router has read {} of {} examples", progress.done,
                                 progress.total));
            newest_line = Clock::now();
        }
        told = true;
    };
    auto router = trained_router(assistant, base, chat_template, tell, interrupt.flag());
    if (told && stderr_has_cursor()) {
        print_aside("\r\033[K");
    }
    is_kept = told ? is_kept : check_router_cache().has_value();
    if (!router && router.error().code == ErrorCode::interrupted && !is_kept) {
        return fail(ErrorCode::interrupted,
                    "interrupted while the router learnt from its examples");
    }
    return router;
}

}  // namespace hexcore
