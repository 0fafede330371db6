#include "hexcore/report/live_screen.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "hexcore/report/fitted_text.hpp"
#include "hexcore/report/live_parts.hpp"

namespace hexcore {
namespace {

constexpr std::size_t fewest_rows = 8;
constexpr std::size_t fewest_columns = 60;
constexpr std::size_t two_tables_from = 120;  ///< columns

std::string ending_text(const RecordedEnd& end) {
    switch (end.ending) {
        case RecordedEnding::running:
            return "no longer watched";
        case RecordedEnding::unknown:
            return "ended";
        case RecordedEnding::known:
            break;
    }
    return end.signalled ? fmt::format("ended by signal {}", end.code)
                         : fmt::format("ended with exit code {}", end.code);
}

std::string stand_of(const LiveSource& source) {
    std::string text = clock_of(source.state.time);
    if (source.state.end) {
        return text + ", " + ending_text(*source.state.end);
    }
    if (source.is_over) {
        return text + ", its watcher is gone";
    }
    constexpr std::chrono::milliseconds worth_telling(2000);
    if (source.behind >= worth_telling) {
        text += fmt::format(
            ", {} s ago", std::chrono::duration_cast<std::chrono::seconds>(source.behind).count());
    }
    return text;
}

std::string name_of(const LiveSource& source) {
    const std::uint32_t pid = source.state.run.attached_pid;
    return pid == 0 ? source.title : fmt::format("{} (pid {})", source.title, pid);
}

/// "host 12.1 GiB  cuda:0 17.0 GiB"; of a few.
std::string amounts_of(const LiveSource& source) {
    constexpr std::size_t most_named = 3;
    std::string text;
    std::size_t named = 0;
    for (const LiveDevice& device : source.state.devices) {
        if (device.device.kind != RecordedKind::cgroup && named < most_named) {
            text += fmt::format("{}{} {}", named == 0 ? "" : "  ", printable(device.device.name),
                                to_string(device.now));
            ++named;
        }
    }
    return text;
}

/// `left` and, as far as there is room, `right` at the end of the line.
LiveLine justified(std::string_view left, std::string right, std::size_t columns, LiveLook look) {
    right = fitted(right, std::min(terminal_columns(right), columns / 2), Align::right);
    const std::size_t width = terminal_columns(right);
    return {{fitted(left, columns - width - 1) + " " + right, look}};
}

/// Draws one screen from its top to its bottom.
class Page {
public:
    Page(const LiveView& view, const std::vector<LiveSource>& sources, LiveSize size,
         Charset charset)
        : view_(view),
          sources_(sources),
          size_(size),
          charset_(charset),
          chosen_(chosen_source(view, sources)) {}

    std::vector<LiveLine> draw() && {
        if (size_.rows < fewest_rows || size_.columns < fewest_columns || chosen_ == nullptr) {
            lines_.push_back({{fitted("The terminal is too small.", size_.columns)}});
            lines_.resize(size_.rows);
            return std::move(lines_);
        }
        add_title();
        if (view_.help) {
            add_help();
        } else {
            if (!view_.alone) {
                add_sources();
            }
            add_labels();
            add_bars();
            add_charts();
            add_tables();
        }
        lines_.resize(size_.rows - 1);
        add_keys();
        return std::move(lines_);
    }

private:
    [[nodiscard]] const LiveState& state() const { return chosen_->state; }
    /// Above the keys.
    [[nodiscard]] std::size_t rows_left() const {
        return size_.rows - 1 - std::min(lines_.size(), size_.rows - 1);
    }
    void add(std::vector<LiveLine> lines, std::size_t rows_max) {
        lines.resize(std::min({lines.size(), rows_max, rows_left()}));
        std::move(lines.begin(), lines.end(), std::back_inserter(lines_));
    }

    void add_title() {
        const std::string what = view_.help ? "keys" : name_of(*chosen_);
        lines_.push_back(justified("hexcore watch: " + what,
                                   (view_.paused ? "PAUSED  " : "") + stand_of(*chosen_),
                                   size_.columns, LiveLook::heading));
    }

    void add_sources() {
        const std::size_t rows =
            std::clamp<std::size_t>(sources_.size(), 1, std::max<std::size_t>(size_.rows / 5, 2));
        const auto at = static_cast<std::size_t>(chosen_ - sources_.data());
        // The chosen one is in the middle, as far as there are enough around it.
        const std::size_t first = std::min(at - std::min(at, rows / 2), sources_.size() - rows);
        for (std::size_t i = first; i < first + rows; ++i) {
            const LiveSource& source = sources_[i];
            const std::string mark = i == at ? "> " : "  ";
            lines_.push_back(justified(mark + name_of(source),
                                       stand_of(source) + "  " + amounts_of(source), size_.columns,
                                       i == at          ? LiveLook::chosen
                                       : source.is_over ? LiveLook::dim
                                                        : LiveLook::plain));
        }
        if (sources_.size() == 1) {
            lines_.push_back({{fitted("  Nothing is watched now. To watch a command: hexcore watch "
                                      "-- COMMAND",
                                      size_.columns),
                               LiveLook::dim}});
        }
    }

    /// "decode (311) > attention, pid 4711"
    void add_labels() {
        std::vector<LiveLine> lines;
        for (const LiveLabels& open : state().labels) {
            std::string text = fmt::format(
                "in {}", fmt::join(open.names, charset_ == Charset::unicode ? " \u203A " : " > "));
            if (open.count > 1) {
                text += fmt::format(" ({} times)", open.count);
            }
            lines.push_back({{fitted(fmt::format("{}, pid {}", text, open.pid), size_.columns)}});
        }
        if (!state().last_mark.empty()) {
            lines.push_back({{fitted("last mark: " + state().last_mark, size_.columns)}});
        }
        add(std::move(lines), std::max<std::size_t>(size_.rows / 12, 1));
    }

    void add_bars() {
        add(live_bars(state(), chosen_device(view_, *chosen_), size_.columns, charset_),
            std::max<std::size_t>(size_.rows / 4, 3));
    }

    /// One for the chosen device, and where there is room for each of the others.
    void add_charts() {
        constexpr std::size_t usual_rows = 6;
        constexpr std::size_t most_rows = 30;
        const std::size_t rows = rows_left() - rows_of_tables(rows_left() / 2);
        const std::size_t count =
            std::min(std::max<std::size_t>(rows / usual_rows, 1), state().devices.size());
        constexpr std::size_t fewest = 3;
        if (count == 0 || rows < fewest) {
            return;
        }
        const std::size_t each = std::min(rows / count, most_rows);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t device =
                (chosen_device(view_, *chosen_) + i) % state().devices.size();
            add(live_chart(state(), device, {each, size_.columns}, charset_), each);
        }
    }

    /// What tables take, up to so many.
    [[nodiscard]] std::size_t rows_of_tables(std::size_t most) const {
        std::size_t rows = 0;
        for (const LiveDevice& device : state().devices) {
            rows = std::max(rows, device.processes.size() + 1);
        }
        const std::size_t purposes = all_purposes().size();
        const std::size_t more = purposes == 0 ? 0 : purposes + 1;
        return std::min(size_.columns >= two_tables_from ? std::max(rows, more) : rows + more,
                        most);
    }

    void add_tables() {
        const std::size_t rows = rows_left();
        if (state().devices.empty() || rows < 2) {
            return;
        }
        const LiveDevice& device = state().devices[chosen_device(view_, *chosen_)];
        const LiveTable processes{fmt::format("PROCESSES ON {}", device.device.name),
                                  device.processes, view_.sort, state().marked};
        const LiveTable purposes{"PURPOSES", all_purposes(), view_.sort, state().marked};
        if (purposes.parts.empty()) {
            add(live_lines_of(processes, {rows, size_.columns}), rows);
        } else if (size_.columns >= two_tables_from) {
            const std::size_t columns = size_.columns / 2 - 1;
            add_side_by_side(live_lines_of(processes, {rows, columns}),
                             live_lines_of(purposes, {rows, columns}), columns);
        } else {
            const std::size_t half =
                std::max(rows / 2, rows - std::min(rows, purposes.parts.size() + 1));
            add(live_lines_of(processes, {half, size_.columns}), half);
            add(live_lines_of(purposes, {rows_left(), size_.columns}), rows_left());
        }
    }

    [[nodiscard]] std::vector<LivePart> all_purposes() const {
        std::vector<LivePart> all;
        for (const LiveHolder& holder : state().holders) {
            for (LivePart part : holder.purposes) {
                part.name = fmt::format("{} {}: {}", holder.kind, holder.device, part.name);
                all.push_back(std::move(part));
            }
        }
        return all;
    }

    void add_side_by_side(std::vector<LiveLine> left, std::vector<LiveLine> right,
                          std::size_t columns) {
        const std::size_t rows = std::max(left.size(), right.size());
        left.resize(rows);
        right.resize(rows);
        for (std::size_t row = 0; row < rows; ++row) {
            if (left[row].empty()) {
                left[row].push_back({std::string(columns, ' ')});
            }
            left[row].push_back({"  "});
            std::move(right[row].begin(), right[row].end(), std::back_inserter(left[row]));
        }
        add(std::move(left), rows);
    }

    void add_help() {
        constexpr std::array help{
            "",
            "  Up, Down     chooses what is shown: a recording in progress, a process that",
            "               runs Hexcore, or the machine",
            "  Enter        shows it alone; Escape, Backspace: with the list again",
            "  Tab          the next of its devices: its line over time, its processes",
            "  Space        pauses what is shown; recordings go on",
            "  m            marks this moment: SINCE counts from it (^ below the line)",
            "  b            baseline: shows only what is in use beyond now; again: all",
            "  s            sorts by bytes, by growth since the mark, by peak or name",
            "  q, Ctrl-C    leaves; what is watched goes on",
            "",
            "  Bars: what is in use of what there is, or of a budget. Lines: from the start",
            "  until now. Growing: a verdict on the time after warm-up, see docs/watch.md."};
        for (const char* line : help) {
            add({{{fitted(line, size_.columns)}}}, 1);
        }
    }

    /// Without the last column: some terminals scroll when their last corner is written.
    void add_keys() {
        lines_.push_back({{fitted("q quit  Space pause  m mark  b baseline  s sort  Tab device  "
                                  "Enter zoom  ? help",
                                  size_.columns - 1),
                           LiveLook::dim}});
    }

    const LiveView& view_;
    const std::vector<LiveSource>& sources_;
    LiveSize size_;
    Charset charset_;
    const LiveSource* chosen_;
    std::vector<LiveLine> lines_;
};

}  // namespace

std::vector<LiveLine> live_screen(const LiveView& view, const std::vector<LiveSource>& sources,
                                  LiveSize size, Charset charset) {
    return Page(view, sources, size, charset).draw();
}

std::string live_lines(const std::vector<LiveSource>& sources) {
    const auto runs = [](const LiveSource& source) {
        return source.kind != LiveKind::machine && !source.is_over;
    };
    const bool any = std::any_of(sources.begin(), sources.end(), runs);
    std::string text;
    for (const LiveSource& source : sources) {
        if (any ? runs(source) : source.kind == LiveKind::machine) {
            text += fmt::format("{}  {}  {}\n", stand_of(source), printable(name_of(source)),
                                amounts_of(source));
        }
    }
    return text;
}

}  // namespace hexcore
