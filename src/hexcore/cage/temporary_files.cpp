#include "hexcore/cage/temporary_files.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <string>
#include <system_error>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t named_max = 16;

Bytes size_on_disk(const fs::path& path) {
    constexpr std::uint64_t block = 512;
    struct stat facts {};
    return ::lstat(path.c_str(), &facts) == 0
               ? Bytes(static_cast<std::uint64_t>(facts.st_blocks) * block)
               : Bytes();
}

Bytes size_with_all_in_it(const fs::path& path) {
    std::error_code error;
    Bytes sum = size_on_disk(path);
    if (!fs::is_symlink(path, error) && fs::is_directory(path, error)) {
        const auto options = fs::directory_options::skip_permission_denied;
        for (fs::recursive_directory_iterator entry(path, options, error), end;
             !error && entry != end; entry.increment(error)) {
            sum += size_on_disk(entry->path());
        }
    }
    return sum;
}

}  // namespace

void remove_temporary_files(const fs::path& folder, const std::string& untold_prefix,
                            std::vector<Residue>& residues) {
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (!untold_prefix.empty() && name.starts_with(untold_prefix)) {
            std::error_code ignored;
            fs::remove_all(entry->path(), ignored);
        } else {
            entries.push_back(entry->path());
        }
    }
    Residue rest{.kind = Residue::Kind::temporary_file, .name = {}, .bytes = {}, .pid = 0};
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const Bytes bytes = size_with_all_in_it(entries[i]);
        fs::remove_all(entries[i], error);
        const bool is_gone = !fs::exists(fs::symlink_status(entries[i], error));
        if (i < named_max) {
            residues.push_back({.kind = Residue::Kind::temporary_file,
                                .name = printable(entries[i].filename().string()),
                                .bytes = bytes,
                                .pid = 0,
                                .is_gone = is_gone});
        } else {
            rest.bytes += bytes;
            rest.is_gone = rest.is_gone && is_gone;
        }
    }
    if (entries.size() > named_max) {
        rest.name = fmt::format("and {} more", entries.size() - named_max);
        residues.push_back(std::move(rest));
    }
}

}  // namespace hexcore
