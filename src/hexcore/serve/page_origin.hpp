#pragma once

#include <string_view>

namespace hexcore {

/// Whether a page of that origin (the header Origin; empty: no page) may ask a server that it
/// reaches as `host` (the header Host): its own pages only, and of those, where a name leads to the
/// server, only such as no stranger can give it. A page elsewhere may have its name changed to lead
/// here while it is open (DNS rebinding); then it is of the server's own origin by its words.
/// `listens_on`: what the server was told to listen on; `has_key`: nobody asks it without its key,
/// which such a page does not have, whatever it is called.
[[nodiscard]] bool page_may_ask(std::string_view origin, std::string_view host,
                                std::string_view listens_on, bool has_key);

}  // namespace hexcore
