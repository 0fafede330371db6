#include "hexcore/report/live_screen.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>

#include "hexcore/report/fitted_text.hpp"
#include "hexcore/report/line_chart.hpp"
#include "hexcore/report/live_parts.hpp"
#include "support/golden.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

LivePart part(std::uint32_t pid, std::string name, Bytes now, Bytes at_mark, Bytes peak) {
    return {.number = pid,
            .pid = pid,
            .name = std::move(name),
            .now = now,
            .peak = peak,
            .at_mark = at_mark};
}

/// Two minutes of training that grew by half, on a host and a GPU.
LiveState training() {
    LiveState state;
    state.run = test::some_run();
    state.time = seconds(120);
    state.marked = seconds(60);
    LiveDevice host{.device = test::some_host(), .now = 6_GiB, .peak = 7_GiB};
    host.processes = {part(4711, "python3 train.py", 4_GiB, 3_GiB, 5_GiB),
                      part(4712, "python3 loader.py", 1_GiB, 1_GiB, 1_GiB),
                      part(4713, "python3 loader.py", 1_GiB, 0_B, 1_GiB)};
    LiveDevice gpu{.device = test::some_gpu(), .now = 18_GiB, .peak = 18_GiB};
    gpu.processes = {part(4711, "python3 train.py", 17_GiB, 12_GiB, 17_GiB)};
    gpu.growth.verdict = Verdict::growing;
    gpu.growth.bytes_per_s = (2_MiB).as_double();
    for (int i = 0; i <= 120; ++i) {
        host.history.add(seconds(i), 4_GiB + Bytes((1_GiB).count() * (i % 24) / 8));
        gpu.history.add(seconds(i), 12_GiB + Bytes((6_GiB).count() * i / 120));
    }
    state.devices = {host, gpu};
    return state;
}

LiveSource watched(std::uint64_t id, std::string title, LiveState state) {
    return {.id = id,
            .kind = LiveKind::recording,
            .title = std::move(title),
            .state = std::move(state)};
}

LiveSource machine() {
    LiveState state;
    state.time = seconds(7);
    state.devices = {{.device = test::some_host(), .now = 9_GiB, .peak = 9_GiB}};
    state.devices[0].history.add(seconds(7), 9_GiB);
    return {.id = 1, .kind = LiveKind::machine, .title = "this machine", .state = std::move(state)};
}

std::vector<LiveSource> two_sources() {
    return {machine(), watched(2, "python3 train.py", training())};
}

/// With what a Hexcore process tells of itself.
std::vector<LiveSource> with_purposes() {
    auto sources = two_sources();
    LiveState& state = sources[1].state;
    state.labels = {
        {.process = 1, .pid = 4711, .thread = 9, .names = {"step", "decode"}, .count = 311}};
    state.holders = {{.number = 1,
                      .pid = 4711,
                      .kind = "ledger",
                      .device = "host0",
                      .total = 4_GiB,
                      .now = 3_GiB,
                      .peak = 3_GiB,
                      .purposes = {part(4711, "expert weights", 2_GiB, 2_GiB, 2_GiB),
                                   part(4711, "KV cache", 1_GiB, 512_MiB, 1_GiB)}}};
    return sources;
}

std::string as_text(const std::vector<LiveLine>& lines) {
    std::string text;
    for (const LiveLine& line : lines) {
        std::string row;
        for (const LiveSpan& span : line) {
            row += span.text;
        }
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + "\n";
    }
    return text;
}

/// In a locale that knows wide characters.
class TheLiveScreen : public ::testing::Test {
protected:
    TheLiveScreen() { std::setlocale(LC_CTYPE, "C.UTF-8"); }
    ~TheLiveScreen() override { std::setlocale(LC_CTYPE, "C"); }

    static std::string draw(const std::vector<LiveSource>& sources, LiveSize size,
                            const LiveView& view = {}, Charset charset = Charset::unicode) {
        const auto lines = live_screen(view, sources, size, charset);
        EXPECT_EQ(lines.size(), size.rows);
        for (const LiveLine& line : lines) {
            std::size_t columns = 0;
            for (const LiveSpan& span : line) {
                EXPECT_EQ(printable(span.text), span.text);
                columns += terminal_columns(span.text);
            }
            EXPECT_LE(columns, size.columns) << as_text({line});
        }
        return as_text(lines);
    }
};

TEST_F(TheLiveScreen, IsAsExpectedInUsualSizes) {
    test::expect_golden("live_80x24.txt", draw(with_purposes(), {24, 80}));
    test::expect_golden("live_80x50.txt", draw(with_purposes(), {50, 80}));
    test::expect_golden("live_200x60.txt", draw(with_purposes(), {60, 200}));
    test::expect_golden("live_ascii.txt", draw(two_sources(), {24, 80}, {}, Charset::ascii));
    test::expect_golden("live_help.txt", draw(two_sources(), {24, 80}, {.help = true}));
}

TEST_F(TheLiveScreen, FitsScreensOfAnySize) {
    for (std::size_t rows = 1; rows < 70; rows += 3) {
        for (std::size_t columns = 1; columns < 230; columns += 13) {
            (void)draw(with_purposes(), {rows, columns});
            (void)draw({machine()}, {rows, columns}, {}, Charset::ascii);
        }
    }
    EXPECT_THAT(draw(two_sources(), {5, 30}), HasSubstr("too small"));
    EXPECT_THAT(draw({}, {24, 80}), HasSubstr("too small"));
}

TEST_F(TheLiveScreen, HostileNamesTakeNoMoreThanTheirPlace) {
    const std::string evil =
        "\x1b[2J\x1b]0;title\x07\r\n\t\xff\xc0\x80 \u202Eright to left \u6F22\u5B57" +
        std::string(1 << 20U, 'x');
    auto sources = with_purposes();
    LiveSource& source = sources[1];
    source.title = evil;
    source.state.devices[0].device.name = evil;
    source.state.devices[0].processes[0].name = evil;
    source.state.labels[0].names = {evil, evil};
    source.state.holders[0].device = evil;
    source.state.holders[0].purposes[0].name = evil;
    source.state.last_mark = evil;
    for (const std::size_t columns : {60U, 80U, 81U, 200U}) {
        EXPECT_THAT(draw(sources, {60, columns}), Not(HasSubstr("\x1b")));
        EXPECT_THAT(draw(sources, {60, columns}, {.alone = true}), Not(HasSubstr("\u202E")));
    }
    EXPECT_THAT(live_lines(sources), Not(HasSubstr("\x1b")));
}

TEST_F(TheLiveScreen, SortsByWhatIsAskedFor) {
    const auto order = [](LiveSort sort) {
        LiveState state = training();
        std::vector<std::string> pids;
        for (const LiveLine& line :
             live_lines_of({"X", state.devices[0].processes, sort}, {.rows = 9, .columns = 80})) {
            pids.push_back(line[0].text.substr(4));
        }
        return pids;
    };
    EXPECT_THAT(order(LiveSort::bytes), ElementsAre(" PID", "4711", "4712", "4713"));
    EXPECT_THAT(order(LiveSort::change), ElementsAre(" PID", "4711", "4713", "4712"));
    EXPECT_THAT(order(LiveSort::peak), ElementsAre(" PID", "4711", "4712", "4713"));
    EXPECT_THAT(order(LiveSort::name), ElementsAre(" PID", "4712", "4713", "4711"));
}

TEST_F(TheLiveScreen, CountsWhatDoesNotFitInATable) {
    std::vector<LivePart> many;
    for (std::uint32_t pid = 1; pid <= 100; ++pid) {
        many.push_back(part(pid, "p", 1_MiB, 0_B, 1_MiB));
    }
    const auto lines = live_lines_of({"X", many}, {.rows = 12, .columns = 80});
    ASSERT_THAT(lines, SizeIs(12));
    EXPECT_THAT(as_text({lines.back()}), HasSubstr("90 more"));
    EXPECT_THAT(as_text({lines.back()}), HasSubstr("90.0 MiB"));
}

TEST_F(TheLiveScreen, SaysHowThingsStand) {
    auto sources = two_sources();
    EXPECT_THAT(draw(sources, {24, 80}, {.paused = true}), HasSubstr("PAUSED"));
    sources[1].behind = seconds(9);
    EXPECT_THAT(draw(sources, {24, 80}), HasSubstr("9 s ago"));
    sources[1].is_over = true;
    EXPECT_THAT(draw(sources, {24, 80}, {.source = 2}), HasSubstr("its watcher is gone"));
    sources[1].state.end = RecordedEnd{.time = seconds(120), .code = 3};
    EXPECT_THAT(draw(sources, {24, 80}, {.source = 2}), HasSubstr("ended with exit code 3"));
    EXPECT_THAT(draw({machine()}, {24, 80}), HasSubstr("Nothing is watched now"));
    EXPECT_THAT(live_lines({machine()}), HasSubstr("this machine"));
    EXPECT_THAT(live_lines(two_sources()), Not(HasSubstr("this machine")));
}

TEST_F(TheLiveScreen, WithABaselineShowsWhatCameSince) {
    auto sources = two_sources();
    sources[1].state.based = seconds(60);
    sources[1].state.devices[0].baseline = 5_GiB;
    EXPECT_THAT(draw(sources, {24, 80}), HasSubstr("+1.00 GiB since 01:00"));
}

TEST(LiveKeys, ChooseWhatIsShown) {
    const auto sources = two_sources();
    LiveView view;
    EXPECT_EQ(chosen_source(view, sources)->id, 2U) << "what is watched, not the machine";
    press(LiveKey::up, sources, view);
    EXPECT_EQ(chosen_source(view, sources)->id, 1U);
    press(LiveKey::up, sources, view);
    EXPECT_EQ(chosen_source(view, sources)->id, 1U) << "there is none above";
    press(LiveKey::down, sources, view);
    press(LiveKey::device, sources, view);
    EXPECT_EQ(chosen_device(view, sources[1]), 1U);
    press(LiveKey::device, sources, view);
    EXPECT_EQ(chosen_device(view, sources[1]), 0U);
    press(LiveKey::enter, sources, view);
    EXPECT_TRUE(view.alone);
    press(LiveKey::help, sources, view);
    press(LiveKey::leave, sources, view);
    EXPECT_TRUE(view.alone && !view.help) << "one thing at a time";
    press(LiveKey::leave, sources, view);
    EXPECT_FALSE(view.alone);
    press(LiveKey::pause, sources, view);
    EXPECT_TRUE(view.paused);
    for (int i = 0; i < 4; ++i) {
        press(LiveKey::sort, sources, view);
    }
    EXPECT_EQ(view.sort, LiveSort::bytes);
    view.source = 99;
    EXPECT_EQ(chosen_source(view, sources)->id, 2U) << "one that is gone is none";
    EXPECT_EQ(chosen_source(view, {}), nullptr);
}

TEST_F(TheLiveScreen, FittedTextHasItsWidthWhateverItHolds) {
    EXPECT_EQ(fitted("abc", 5), "abc  ");
    EXPECT_EQ(fitted("abc", 5, Align::right), "  abc");
    EXPECT_EQ(fitted("abcdefgh", 6), "abc...");
    EXPECT_EQ(fitted("abcdef", 2), "..");
    EXPECT_EQ(fitted("\u6F22\u5B57", 4), "\u6F22\u5B57");
    EXPECT_EQ(fitted("\u6F22\u5B57\u6F22\u5B57", 6), "\u6F22... ") << "no half of a wide one";
    EXPECT_EQ(fitted("e\u0301x", 3), "ex ");
    EXPECT_EQ(terminal_columns("\u6F22a"), 3U);
    for (std::size_t columns = 0; columns < 9; ++columns) {
        EXPECT_EQ(terminal_columns(fitted("a\u6F22b\u5B57c\x01", columns)), columns);
    }
}

TEST(LineChart, JoinsNeighboursAndLeavesGapsWhereNothingIsKnown) {
    EXPECT_THAT(line_chart({0.0, 3.0, std::nullopt, 1.0}, 0, 3, 4, Charset::ascii),
                ElementsAre(" *  ", " *  ", " * *", "*   "));
    EXPECT_THAT(line_chart({0.0, 1.0}, 0, 1, 1, Charset::unicode), ElementsAre("\u2878"));
    EXPECT_THAT(line_chart({9.0}, 0, 1, 2, Charset::ascii), ElementsAre("*", " "));
}

}  // namespace
}  // namespace hexcore
