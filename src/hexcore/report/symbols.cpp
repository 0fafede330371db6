#include "hexcore/report/symbols.hpp"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

constexpr std::size_t longest_symbol = 160;
constexpr std::size_t most_modules = 256;

const Dwfl_Callbacks& callbacks() {
    static const Dwfl_Callbacks offline = {.find_elf = nullptr,
                                           .find_debuginfo = dwfl_standard_find_debuginfo,
                                           .section_address = dwfl_offline_section_address,
                                           .debuginfo_path = nullptr};
    return offline;
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// Whether a frame is of those by which a program tells what it takes, and no news to anybody.
bool is_tellers(const std::string& name) {
    constexpr std::array<std::string_view, 5> begins = {
        "hexcore::Teller::", "hexcore_allocated",
        "hexcore::LedgerTeller::", "hexcore::Ledger::", "hexcore::LedgerEntry::"};
    return name.find("libhexcore-tracker.so") != std::string::npos ||
           std::any_of(begins.begin(), begins.end(),
                       [&](std::string_view begin) { return name.starts_with(begin); });
}

std::string demangled(const char* name) {
    int status = 0;
    const std::unique_ptr<char, void (*)(void*)> plain(
        abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
    return plain == nullptr ? name : plain.get();
}

}  // namespace

/// The symbols of one file.
class Symbols::Module {
public:
    /// Null where the file is none that has symbols.
    static std::unique_ptr<Module> open(const std::string& path) {
        std::error_code failed;
        if (!std::filesystem::is_regular_file(path, failed)) {
            return nullptr;
        }
        std::unique_ptr<Module> opened(new Module());
        if (opened->session_ == nullptr) {
            return nullptr;
        }
        dwfl_report_begin(opened->session_.get());
        opened->module_ =
            dwfl_report_offline(opened->session_.get(), path.c_str(), path.c_str(), -1);
        dwfl_report_end(opened->session_.get(), nullptr, nullptr);
        const bool is_elf = opened->module_ != nullptr &&
                            dwfl_module_getelf(opened->module_, &opened->bias_) != nullptr;
        return is_elf ? std::move(opened) : nullptr;
    }

    [[nodiscard]] std::optional<std::string> function_at(std::uint64_t offset) const {
        const char* name = dwfl_module_addrname(module_, offset + bias_);
        return name == nullptr ? std::nullopt
                               : std::optional(shortened(demangled(name), longest_symbol));
    }

    [[nodiscard]] std::optional<std::string> line_at(std::uint64_t offset) const {
        Dwfl_Line* line = dwfl_module_getsrc(module_, offset + bias_);
        int number = 0;
        const char* file = line == nullptr
                               ? nullptr
                               : dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
        return file == nullptr
                   ? std::nullopt
                   : std::optional(fmt::format("{}:{}", printable(file_name(file)), number));
    }

private:
    Module() : session_(dwfl_begin(&callbacks()), dwfl_end) {}

    std::unique_ptr<Dwfl, void (*)(Dwfl*)> session_;
    Dwfl_Module* module_ = nullptr;  ///< the session's
    Dwarf_Addr bias_ = 0;            ///< between its addresses and those of the file
};

Symbols::Symbols() = default;
Symbols::~Symbols() = default;

Symbols::Module* Symbols::module_of(const std::string& path) {
    const auto found = modules_.find(path);
    if (found != modules_.end()) {
        return found->second.get();
    }
    if (modules_.size() >= most_modules) {
        return nullptr;
    }
    std::unique_ptr<Module> module = Module::open(path);
    if (module == nullptr) {
        missing_.push_back(shortened(path, longest_symbol));
    }
    return modules_.emplace(path, std::move(module)).first->second.get();
}

std::string Symbols::name_of(const RecordedFrame& frame) {
    if (!frame.module) {
        return fmt::format("{:#x}", frame.offset);
    }
    const std::string& path = frame.module->text;
    const std::string file = shortened(file_name(path), longest_symbol);
    std::string address = fmt::format("{}+{:#x}", file, frame.offset);
    const Module* module = module_of(path);
    if (module == nullptr || frame.offset == 0) {
        return address;
    }
    const std::uint64_t call = frame.offset - 1;
    const auto function = module->function_at(call);
    if (!function) {
        return address;
    }
    const auto line = module->line_at(call);
    return line ? fmt::format("{} at {}", *function, *line)
                : fmt::format("{} in {}", *function, file);
}

std::vector<std::string> Symbols::names_of(const RecordedStack& stack) {
    std::vector<std::string> names;
    for (const RecordedFrame& frame : stack.frames) {
        std::string name = name_of(frame);
        if (!names.empty() || !is_tellers(name)) {
            names.push_back(std::move(name));
        }
    }
    return names;
}

}  // namespace hexcore
