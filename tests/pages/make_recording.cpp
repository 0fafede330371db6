// make_recording KIND FILE: a recording of something that never ran.
//
//   hour     an hour of a training, sampled every 10 ms: five processes and a GPU; it tells steps
//   as
//            labels, and PyTorch what it holds of the GPU
//   ledger   a process with a device of Hexcore's own: host0, by purpose; 20 allocations in a
//   label,
//            15 of which it releases, with a stack that begins in record_ledger() here
//   leak     40 steps, each of which leaves 1 MiB more in its history
//   build    300 short-lived compilers of one program
//   hostile  names that would be scripts, styles, control characters, 1 MB long
//   short    over before the second sample
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/recording/told_records.hpp"

namespace hexcore {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

RecordedRun some_run(std::vector<std::string> command, microseconds interval) {
    return {.writer = "hexcore test",
            .started_unix_ms = 1'764'000'000'000,
            .interval = interval,
            .gpu_interval = milliseconds(500),
            .command = std::move(command)};
}

RecordedDevice host() {
    return {.number = 0,
            .kind = RecordedKind::host,
            .name = "host",
            .description = "main memory",
            .unit = 4_KiB,
            .total = 64_GiB};
}

RecordedDevice gpu(std::string name, std::string description) {
    return {.number = 1,
            .kind = RecordedKind::gpu,
            .name = std::move(name),
            .description = std::move(description),
            .unit = 4_KiB,
            .total = 24_GiB};
}

ProcessRef process(std::uint64_t number, std::string command) {
    return std::make_shared<RecordedProcess>(
        RecordedProcess{number, static_cast<std::uint32_t>(1000 + number), std::move(command)});
}

Bytes pages(double bytes) { return 4_KiB * static_cast<std::uint64_t>(bytes / 4096); }

/// Between 0 and 1, another one for each number, the same each time.
double noise(std::int64_t number) {
    const double wave = std::sin(static_cast<double>(number) * 12.9898) * 43758.5453;
    return wave - std::floor(wave);
}

TextRef text(std::uint64_t number, std::string words) {
    return std::make_shared<RecordedText>(RecordedText{number, std::move(words)});
}

HolderRef holder(std::uint64_t number, ProcessRef process, HolderKind kind, std::string device,
                 Bytes total) {
    return std::make_shared<RecordedHolder>(
        RecordedHolder{number, std::move(process), kind, std::move(device), total});
}

/// 180 steps of 20 s within one epoch, with a mark between.
void tell_steps(RecordingWriter& writer, const ProcessRef& process) {
    const TextRef epoch = text(1, "epoch");
    const TextRef step = text(2, "step");
    const auto tell = [&](seconds at, LabelEdge edge, const TextRef& name) {
        writer.label({.time = at, .edge = edge, .process = process, .thread = 7, .name = name});
    };
    tell(seconds(0), LabelEdge::begin, epoch);
    for (int n = 0; n < 179; ++n) {
        tell(seconds(20 * n + 10), LabelEdge::begin, step);
        tell(seconds(20 * n + 29), LabelEdge::end, step);
        if (n == 90) {
            writer.mark({.time = seconds(20 * n + 29),
                         .process = process,
                         .name = text(3, "checkpoint saved")});
        }
    }
    tell(hours(1), LabelEdge::end, epoch);
}

void record_hour(RecordingWriter& writer) {
    writer.run(some_run({"python3", "train.py", "--epochs", "3"}, milliseconds(10)));
    writer.device(host());
    writer.device(gpu("cuda:0", "Fake RTX"));
    const ProcessRef training = process(1, "python3 train.py --epochs 3");
    std::vector<ProcessRef> loaders;
    for (std::uint64_t number = 2; number <= 5; ++number) {
        loaders.push_back(process(number, "python3 loader.py"));
    }
    tell_steps(writer, training);
    const HolderRef torch = holder(1, training, HolderKind::pytorch, "cuda:0", 24_GiB);
    const TextRef allocated = text(4, "allocated");
    const TextRef cache = text(5, "cache");
    constexpr double gib = 1 << 30;
    for (std::int64_t n = 0; milliseconds(10) * n <= hours(1); ++n) {
        const microseconds time = milliseconds(10) * n;
        const double s = static_cast<double>(n) / 100;
        const double warm = 1 - std::exp(-s / 300);
        RecordedRow row{.device = 0, .time = time, .parts = {}, .others = {}, .free = 40_GiB};
        row.parts.push_back({training, pages(gib * (6 * warm + 0.2 * std::sin(s / 40) + 0.3))});
        for (std::size_t l = 0; l < loaders.size(); ++l) {
            const double share = noise(n / 50 + static_cast<std::int64_t>(l) * 7919);
            row.parts.push_back({loaders[l], pages(gib * (0.5 + 0.3 * share))});
        }
        writer.row(row);
        if (n % 50 == 0) {
            writer.row({.device = 1,
                        .time = time,
                        .parts = {{training, pages(gib * (14 * warm + 0.002 * s))}},
                        .others = 1_GiB,
                        .free = 4_GiB});
            writer.amounts({.time = time,
                            .holder = torch,
                            .amounts = {{allocated, pages(gib * (11 * warm + 0.002 * s))},
                                        {cache, pages(gib * 2 * warm)}}});
        }
    }
    writer.end(
        {.time = hours(1), .cost = seconds(7), .own_memory = 14_MiB, .processes = 5, .notes = ""});
}

/// A stack as a program records it: a place in this program, and one in a file that is gone.
StackRef stack_in(const void* function) {
    Dl_info info{};
    link_map* map = nullptr;
    dladdr1(function, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP);
    // No call returns to the first byte of a function.
    const std::uint64_t offset = reinterpret_cast<std::uint64_t>(function) - map->l_addr + 1;
    const auto here = std::filesystem::read_symlink("/proc/self/exe").string();
    return std::make_shared<RecordedStack>(
        RecordedStack{1, {{text(10, here), offset}, {text(11, "/nowhere/gone.so"), 0x1234}}});
}

void tell_allocations(RecordingWriter& writer, const RecordedSite& site) {
    for (std::uint64_t n = 0; n < 20; ++n) {
        writer.event({.time = milliseconds(50 * n),
                      .kind = EventKind::taken,
                      .id = n,
                      .bytes = 1_MiB,
                      .site = site,
                      .purpose_before = {}});
    }
    for (std::uint64_t n = 0; n < 15; ++n) {
        writer.event({.time = milliseconds(1000 + 50 * n),
                      .kind = EventKind::released,
                      .id = n,
                      .bytes = 1_MiB,
                      .site = site,
                      .purpose_before = {}});
    }
}

void record_ledger(RecordingWriter& writer) {
    writer.run(some_run({"hexcore", "run", "model.gguf"}, milliseconds(100)));
    writer.device(host());
    const ProcessRef hexcore = process(1, "hexcore run model.gguf");
    const HolderRef host0 = holder(1, hexcore, HolderKind::ledger, "host0", 320_MiB);
    const TextRef weights = text(1, "weights");
    const TextRef experts = text(2, "experts");
    tell_allocations(writer, {.holder = host0,
                              .purpose = text(3, "kv"),
                              .label = text(4, "decode"),
                              .stack = stack_in(reinterpret_cast<const void*>(&record_ledger))});
    for (unsigned n = 0; n <= 50; ++n) {
        const microseconds time = milliseconds(100 * n);
        const Bytes held = 4_MiB * std::min(n, 40U);
        writer.row({.device = 0,
                    .time = time,
                    .parts = {{hexcore, held * 2 + 32_MiB}},
                    .others = {},
                    .free = 40_GiB});
        // It gives all back before it ends.
        const Bytes kept = n < 48 ? held : Bytes();
        writer.amounts(
            {.time = time, .holder = host0, .amounts = {{weights, 1_MiB}, {experts, kept}}});
    }
    writer.end({.time = seconds(5), .processes = 1, .notes = ""});
}

void record_leak(RecordingWriter& writer) {
    writer.run(some_run({"python3", "train.py"}, milliseconds(100)));
    writer.device(host());
    const ProcessRef training = process(1, "python3 train.py");
    const HolderRef program = holder(1, training, HolderKind::program, "host", {});
    const TextRef history = text(1, "history");
    const TextRef step = text(2, "step");
    for (unsigned n = 0; n < 40; ++n) {
        const microseconds time = seconds(n);
        const Bytes kept = 1_MiB * (n + 1);
        const auto tell = [&](LabelEdge edge, milliseconds later) {
            writer.label({.time = time + later,
                          .edge = edge,
                          .process = training,
                          .thread = 7,
                          .name = step});
        };
        tell(LabelEdge::begin, milliseconds(100));
        writer.amounts(
            {.time = time + milliseconds(400), .holder = program, .amounts = {{history, kept}}});
        tell(LabelEdge::end, milliseconds(500));
        writer.row({.device = 0,
                    .time = time + milliseconds(600),
                    .parts = {{training, kept + 16_MiB}},
                    .others = {},
                    .free = 40_GiB});
    }
    writer.end({.time = seconds(40), .processes = 1, .notes = ""});
}

void record_build(RecordingWriter& writer) {
    writer.run(some_run({"ninja"}, milliseconds(100)));
    writer.device(host());
    const ProcessRef ninja = process(1, "ninja");
    for (std::uint64_t n = 0; n < 300; ++n) {
        const ProcessRef compiler =
            process(2 + n, "/usr/lib/gcc/cc1plus -quiet file" + std::to_string(n) + ".cpp");
        writer.row({.device = 0,
                    .time = milliseconds(100 * n),
                    .parts = {{ninja, 8_MiB}, {compiler, 1_MiB * (100 + n)}},
                    .others = {},
                    .free = {}});
    }
    writer.end({.time = seconds(30), .processes = 301, .notes = ""});
}

void record_hostile(RecordingWriter& writer) {
    const std::string script = "</script><script>window.hacked = 1</script>";
    const std::string image = "<img src=x onerror='window.hacked = 2'>";
    const std::string controls = "\x1b[2J\x01\x7f\xff\xfe\u2028\u202e";
    const std::string name_of_object = "__proto__";
    writer.run(some_run({script, image, controls, std::string(1'000'000, 'a'), name_of_object},
                        milliseconds(100)));
    writer.device(host());
    writer.device(gpu(image + "@data@", script + controls));
    const std::vector<ProcessRef> all = {process(1, script),
                                         process(2, image),
                                         process(3, controls),
                                         process(4, name_of_object),
                                         process(5, std::string(1'000'000, 'b')),
                                         process(6, "")};
    const HolderRef odd = holder(1, all[0], HolderKind::ledger, "host" + image, 1_GiB);
    const std::string all_of_them = script + image + controls;
    for (std::int64_t n = 0; n < 50; ++n) {
        const TextRef name = text(100 + static_cast<std::uint64_t>(n), all_of_them);
        writer.label({.time = milliseconds(100) * n, .process = all[0], .thread = 1, .name = name});
        writer.mark({.time = milliseconds(100) * n, .process = all[0], .name = name});
        writer.amounts(
            {.time = milliseconds(100) * n,
             .holder = odd,
             .amounts = {
                 {text(200 + static_cast<std::uint64_t>(n), image), 1_MiB},
                 {text(300 + static_cast<std::uint64_t>(n), std::string(1'000'000, 'c')), 2_MiB}}});
        for (std::uint32_t device = 0; device < 2; ++device) {
            RecordedRow row;
            row.device = device;
            row.time = milliseconds(100) * n;
            for (const ProcessRef& each : all) {
                row.parts.push_back({each, 1_MiB * (each->number + static_cast<unsigned>(n))});
            }
            writer.row(row);
        }
    }
    writer.end({.time = seconds(5), .processes = 6, .notes = script + image});
}

void record_short(RecordingWriter& writer) {
    writer.run(some_run({"true"}, milliseconds(100)));
    writer.device(host());
    writer.row({.device = 0,
                .time = milliseconds(1),
                .parts = {{process(1, "true"), 1_MiB}},
                .others = {},
                .free = 40_GiB});
    writer.end({.time = milliseconds(2), .processes = 1, .notes = ""});
}

int make(const std::string& kind, const std::string& path) {
    const std::map<std::string, std::function<void(RecordingWriter&)>> kinds = {
        {"hour", record_hour},   {"ledger", record_ledger},   {"leak", record_leak},
        {"build", record_build}, {"hostile", record_hostile}, {"short", record_short}};
    auto file = recording_at(path);
    if (!file || !kinds.contains(kind)) {
        return 2;
    }
    auto writer = RecordingWriter::make(std::move(file->file));
    if (!writer) {
        return 1;
    }
    kinds.at(kind)(**writer);
    return (*writer)->problem().empty() ? 0 : 1;
}

}  // namespace
}  // namespace hexcore

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("make_recording KIND FILE\n", stderr);
        return 2;
    }
    return hexcore::make(argv[1], argv[2]);
}
