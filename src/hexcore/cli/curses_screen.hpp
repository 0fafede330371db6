#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "hexcore/report/live_screen.hpp"

namespace hexcore {

/// The whole terminal of stdin and stdout as a screen, by ncurses. The terminal is given back as it
/// was found at its own end, where the program ends at once (end_now()), and where a fault ends it.
/// Signals that stop or end a program are whoever's who has the screen. At most one lives.
class CursesScreen {
public:
    /// Null where stdin or stdout is no terminal, or one without a cursor that can be moved.
    [[nodiscard]] static std::unique_ptr<CursesScreen> open(Color color);
    virtual ~CursesScreen() = default;
    CursesScreen(const CursesScreen&) = delete;
    CursesScreen& operator=(const CursesScreen&) = delete;

    [[nodiscard]] virtual LiveSize size() const = 0;
    virtual void draw(const std::vector<LiveLine>& lines) = 0;
    /// One that was pressed; nothing: none was, or it means nothing.
    [[nodiscard]] virtual std::optional<LiveKey> key() = 0;
    /// Whether the terminal has hung up.
    [[nodiscard]] virtual bool is_gone() const = 0;
    /// The terminal has another size now.
    virtual void resize() = 0;
    /// Gives the terminal back for a while, as for a shell.
    virtual void leave() = 0;
    /// Takes it again; what others wrote on it is drawn over.
    virtual void enter() = 0;

protected:
    CursesScreen() = default;
};

}  // namespace hexcore
