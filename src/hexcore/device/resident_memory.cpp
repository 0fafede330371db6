#include "hexcore/device/resident_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/proc_root.hpp"

// Two sources, because neither is enough. smaps gives the resident size of each mapping (VMA) from
// one walk of the page tables, which for huge pages is quick: under 1 ms for 4 GiB, against 3 to 7
// of reading one pagemap entry for every 4 KiB. But the kernel merges neighbouring mappings of the
// same kind into one, and then its figure covers more than was asked for. So smaps counts for
// mappings that lie wholly inside the ranges (all of HostMapping's do, their guard pages see to
// that), and pagemap for parts of larger ones.

namespace hexcore {
namespace {

struct Interval {
    std::uintptr_t begin;
    std::uintptr_t end;
};

std::uintptr_t page_size() {
    static const auto size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

/// The ranges as whole pages, in order of address, touching ones joined.
std::vector<Interval> in_order(std::span<const AddressRange> ranges) {
    const std::uintptr_t page = page_size();
    std::vector<Interval> sorted;
    for (const AddressRange& range : ranges) {
        if (range.size > Bytes{}) {
            sorted.push_back({range.begin / page * page, (range.end() + page - 1) / page * page});
        }
    }
    std::sort(sorted.begin(), sorted.end(), [](auto a, auto b) { return a.begin < b.begin; });
    std::vector<Interval> joined;
    for (const Interval& next : sorted) {
        if (!joined.empty() && next.begin <= joined.back().end) {
            joined.back().end = std::max(joined.back().end, next.end);
        } else {
            joined.push_back(next);
        }
    }
    return joined;
}

/// A mapping's bounds from the first line that smaps has for it, `7f12a000-7f12b000 rw-p ...`.
std::optional<Interval> mapping_bounds(std::string_view line) {
    Interval bounds{};
    const char* end = line.data() + line.size();
    const auto first = std::from_chars(line.data(), end, bounds.begin, 16);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') {
        return std::nullopt;
    }
    const auto second = std::from_chars(first.ptr + 1, end, bounds.end, 16);
    if (second.ec != std::errc{} || second.ptr == end || *second.ptr != ' ') {
        return std::nullopt;
    }
    return bounds;
}

Result<Bytes> present_pages(const FileDescriptor& pagemap, Interval part) {
    constexpr std::uint64_t present = 1ULL << 63;
    std::vector<std::uint64_t> entries(
        std::min<std::size_t>((part.end - part.begin) / page_size(), 65536));
    std::uint64_t pages = 0;
    for (std::uintptr_t page = part.begin / page_size(); page < part.end / page_size();) {
        const std::size_t wanted =
            std::min<std::size_t>(entries.size(), part.end / page_size() - page);
        const ssize_t count = pagemap.read_at(entries.data(), wanted * sizeof(std::uint64_t),
                                              static_cast<off_t>(page * sizeof(std::uint64_t)));
        if (count < static_cast<ssize_t>(sizeof(std::uint64_t))) {
            return fail(ErrorCode::bad_input,
                        "/proc/self/pagemap cannot be read at page {:#x}: {}; without it the "
                        "resident memory of a device cannot be measured",
                        page, count < 0 ? std::strerror(errno) : "it ends there");
        }
        const std::size_t got = static_cast<std::size_t>(count) / sizeof(std::uint64_t);
        for (std::size_t i = 0; i < got; ++i) {
            pages += entries[i] & present ? 1 : 0;
        }
        page += got;
    }
    return Bytes(pages * page_size());
}

/// Adds up, mapping by mapping in order of address, what lies inside the wanted intervals.
class Counter {
public:
    explicit Counter(std::vector<Interval> wanted) : wanted_(std::move(wanted)) {}

    /// Takes the next line of smaps.
    Result<void> line(std::string_view text) {
        if (text.starts_with("Rss:")) {
            text.remove_prefix(4);
            const auto kibibytes = whole_number(take_word(text));
            if (!kibibytes) {
                return fail(ErrorCode::bad_input, "/proc/self/smaps: '{}' is not a size", text);
            }
            return mapping(Bytes(*kibibytes * 1024));
        }
        if (const auto bounds = mapping_bounds(text)) {
            bounds_ = *bounds;
        }
        return {};
    }

    [[nodiscard]] bool done() const { return next_ == wanted_.size(); }
    [[nodiscard]] Bytes sum() const { return sum_; }

private:
    Result<void> mapping(Bytes resident) {
        while (!done() && wanted_[next_].end <= bounds_.begin) {
            ++next_;
        }
        if (done() || resident == Bytes{}) {
            return {};
        }
        if (wanted_[next_].begin <= bounds_.begin && bounds_.end <= wanted_[next_].end) {
            sum_ += resident;
            return {};
        }
        for (std::size_t i = next_; i < wanted_.size() && wanted_[i].begin < bounds_.end; ++i) {
            if (!pagemap_.is_open()) {
                return fail(ErrorCode::bad_input,
                            "/proc/self/pagemap cannot be opened: {}; without it the resident "
                            "memory of a device cannot be measured",
                            std::strerror(pagemap_.open_error()));
            }
            HEXCORE_TRY(part, present_pages(pagemap_, {std::max(wanted_[i].begin, bounds_.begin),
                                                       std::min(wanted_[i].end, bounds_.end)}));
            sum_ += part;
        }
        return {};
    }

    std::vector<Interval> wanted_;
    std::size_t next_ = 0;
    Interval bounds_{};
    Bytes sum_;
    FileDescriptor pagemap_{"/proc/self/pagemap"};
};

}  // namespace

Result<Bytes> resident_bytes(std::span<const AddressRange> ranges) {
    Counter counter(in_order(ranges));
    if (counter.done()) {
        return Bytes{};
    }
    const FileDescriptor smaps("/proc/self/smaps");
    if (!smaps.is_open()) {
        return fail(ErrorCode::bad_input,
                    "/proc/self/smaps cannot be opened: {}; without it the resident memory of a "
                    "device cannot be measured",
                    std::strerror(smaps.open_error()));
    }
    std::vector<char> buffer(65536);
    std::size_t held = 0;
    while (!counter.done()) {
        const ssize_t count = smaps.read(buffer.data() + held, buffer.size() - held);
        if (count < 0) {
            return fail(ErrorCode::bad_input, "/proc/self/smaps cannot be read: {}",
                        std::strerror(errno));
        }
        if (count == 0) {
            break;
        }
        held += static_cast<std::size_t>(count);
        std::string_view text(buffer.data(), held);
        while (text.find('\n') != std::string_view::npos) {
            HEXCORE_TRY_VOID(counter.line(take_line(text)));
        }
        // The rest is the start of a line whose end comes with the next read.
        held = text.size();
        std::memmove(buffer.data(), text.data(), held);
    }
    return counter.sum();
}

}  // namespace hexcore
