#include "hexcore/cli/test_reports.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "hexcore/base/write_place.hpp"
#include "hexcore/report/test_json.hpp"
#include "hexcore/report/test_junit.hpp"
#include "hexcore/report/test_page.hpp"

namespace hexcore {
namespace {

/// What would fail once the tests have run, but for disks that are full by then.
Result<ReportPlace> writable_place(const std::string& path) {
    HEXCORE_TRY(place, write_place(path));
    std::error_code error;
    const std::filesystem::path folder = folder_of_file(place.path);
    if (place.kind == WritePlace::Kind::folder) {
        return fail(ErrorCode::usage, "cannot write {}: it is a folder", path);
    }
    if (place.kind == WritePlace::Kind::nothing && !std::filesystem::is_directory(folder, error)) {
        return fail(ErrorCode::usage, "cannot write {}: there is no folder {}; make it first", path,
                    folder.string());
    }
    return ReportPlace::open(path);
}

Result<std::optional<ReportPlace>> wanted_place(const std::string& path) {
    if (path.empty()) {
        return std::optional<ReportPlace>();
    }
    auto place = writable_place(path);
    if (!place) {
        return fail(ErrorCode::usage, "{}", place.error().message);
    }
    return std::optional(*std::move(place));
}

template <typename Make>
Result<void> write_report(std::optional<ReportPlace>& place, Make make) {
    if (!place) {
        return {};
    }
    HEXCORE_TRY(file, place->begin());
    file.add(make());
    return file.finish();
}

}  // namespace

TestReports::TestReports(Place junit, Place html, Place json)
    : junit_(std::move(junit)), html_(std::move(html)), json_(std::move(json)) {}

Result<TestReports> TestReports::open(const TestFlags& flags) {
    HEXCORE_TRY(junit, wanted_place(flags.junit));
    HEXCORE_TRY(html, wanted_place(flags.html));
    HEXCORE_TRY(json, wanted_place(flags.json));
    return TestReports(std::move(junit), std::move(html), std::move(json));
}

Result<void> TestReports::write(const TestRun& run) {
    const auto junit = write_report(junit_, [&] { return test_junit(run); });
    const auto html = write_report(html_, [&] { return test_page(run); });
    const auto json = write_report(json_, [&] { return test_json(run); });
    return !junit ? junit : !html ? html : json;
}

}  // namespace hexcore
