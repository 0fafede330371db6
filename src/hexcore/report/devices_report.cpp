#include "hexcore/report/devices_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/text_table.hpp"

namespace hexcore {
namespace {

using nlohmann::ordered_json;

std::string size_text(std::optional<Bytes> size) { return size ? to_string(*size) : "not known"; }

ordered_json size_json(std::optional<Bytes> size) {
    return size ? ordered_json(size->count()) : ordered_json(nullptr);
}

ordered_json text_json(const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

const char* to_string(GpuNumbering numbering) {
    return numbering == GpuNumbering::cuda ? "cuda" : "pci_bus";
}

void add_host(TextTable& table, const HostMemory& host) {
    table.add_row({"host", "main memory", to_string(host.total), to_string(host.machine_available),
                   to_string(saturating_subtract(host.total, host.machine_available))});
    if (host.cgroup_limit) {
        table.add_row({"", "  limited by " + printable(host.cgroup_path),
                       to_string(*host.cgroup_limit), to_string(host.available),
                       to_string(saturating_subtract(*host.cgroup_limit, host.available))});
    }
}

void add_parking(TextTable& table, const FolderSpace& files) {
    if (files.folder.empty()) {
        return;
    }
    std::optional<Bytes> used;
    if (files.total && files.free) {
        used = saturating_subtract(*files.total, *files.free);
    }
    table.add_row({"files", "disk of " + printable(files.folder), size_text(files.total),
                   size_text(files.free), size_text(used)});
}

void add_gpu(TextTable& table, const GpuInfo& gpu, GpuNumbering numbering) {
    const char* prefix = numbering == GpuNumbering::cuda ? "cuda:" : "gpu ";
    table.add_row({fmt::format("{}{}", prefix, gpu.index), printable(gpu.name),
                   to_string(gpu.total), size_text(gpu.free), size_text(gpu.used())});
    Bytes told;
    bool all_told = gpu.used().has_value();
    for (const GpuHolder& holder : gpu.holders) {
        const std::string command = holder.command.empty() ? "(unknown)" : holder.command;
        table.add_row({"", fmt::format("  pid {}  {}", holder.pid, printable(command)), "", "",
                       size_text(holder.bytes)});
        told += holder.bytes.value_or(Bytes{});
        all_told = all_told && holder.bytes;
    }
    if (all_told && *gpu.used() > told) {
        table.add_row({"", "  the driver and others", "", "", to_string(*gpu.used() - told)});
    }
}

}  // namespace

std::string devices_table(const DevicesInfo& devices, TextStyle style) {
    TextTable table({{"DEVICE", Align::left},
                     {"NAME, HELD BY", Align::left, Overlong::wraps},
                     {"TOTAL"},
                     {"FREE"},
                     {"USED"}},
                    style);
    add_host(table, devices.host);
    for (const GpuInfo& gpu : devices.gpus.gpus) {
        add_gpu(table, gpu, devices.gpus.numbering);
    }
    add_parking(table, devices.parking);
    std::string text = table.render();
    text += devices.gpus.gpus.empty() ? "\nMeasured just now, by the kernel.\n"
                                      : "\nMeasured just now, by the kernel and the driver.\n";
    if (!devices.parking.folder.empty()) {
        text += hanging_paragraph(
            "",
            "Sessions that make room in a cache can be parked in main memory that is free, and in "
            "files on that disk.",
            style.columns);
    }
    if (!devices.gpus.note.empty()) {
        text += hanging_paragraph("", printable(devices.gpus.note), style.columns);
    }
    return text;
}

std::string measured_devices_table(const MeasuredDevices& devices, TextStyle style) {
    TextTable table({{"NAME", Align::left},
                     {"DRIVER", Align::left},
                     {"WEIGHTS READ"},
                     {"COPIES"},
                     {"HOP"},
                     {"POOLS"}},
                    style);
    const auto rate = [](double bytes_per_s) {
        return fmt::format("{:.3g} GB/s", bytes_per_s / 1e9);
    };
    for (const MeasuredDevice& device : devices.all()) {
        table.add_row({printable(device.name), printable(device.driver),
                       rate(device.weights_bytes_per_s), rate(device.copy_bytes_per_s),
                       fmt::format("{:.3g} us", device.hop_s * 1e6), to_string(device.pools)});
    }
    return table.render() +
           "\nMeasured just now by one layer of a mixture: weights that a token reads in a second, "
           "copies\nfrom host memory, the way of a token's activations, and what kernels and "
           "memory "
           "pools take.\n";
}

ordered_json devices_json(const DevicesInfo& devices) {
    ordered_json gpus = ordered_json::array();
    for (const GpuInfo& gpu : devices.gpus.gpus) {
        ordered_json holders = ordered_json::array();
        for (const GpuHolder& holder : gpu.holders) {
            holders.push_back({{"pid", holder.pid},
                               {"command", text_json(holder.command)},
                               {"bytes", size_json(holder.bytes)}});
        }
        gpus.push_back({{"index", gpu.index},
                        {"name", gpu.name},
                        {"uuid", text_json(gpu.uuid)},
                        {"total_bytes", gpu.total.count()},
                        {"free_bytes", size_json(gpu.free)},
                        {"used_bytes", size_json(gpu.used())},
                        {"holders", std::move(holders)}});
    }
    return {{"schema", "hexcore.devices/1"},
            {"host",
             {{"total_bytes", devices.host.total.count()},
              {"available_bytes", devices.host.available.count()},
              {"cgroup_limit_bytes", size_json(devices.host.cgroup_limit)},
              {"cgroup_path", text_json(devices.host.cgroup_path)}}},
            {"gpus", std::move(gpus)},
            {"parking",
             {{"memory_available_bytes", devices.host.available.count()},
              {"folder", text_json(devices.parking.folder)},
              {"files_total_bytes", size_json(devices.parking.total)},
              {"files_available_bytes", size_json(devices.parking.free)}}},
            {"gpu_numbering", to_string(devices.gpus.numbering)},
            {"note", text_json(devices.gpus.note)}};
}

}  // namespace hexcore
