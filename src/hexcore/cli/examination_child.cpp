#include "hexcore/cli/examination_child.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <string>
#include <string_view>

#include "hexcore/api/examination_request.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/process/child_process.hpp"
#include "hexcore/runtime/file_trial.hpp"
#include "hexcore/runtime/last_words.hpp"

namespace hexcore {
namespace {

/// A crash is expected here: it leaves no core file, and where memory runs out this process goes
/// before any other.
void be_expendable() {
    const rlimit no_core{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &no_core);
    std::ofstream("/proc/self/oom_score_adj") << 1000;
}

Result<void> examine(const ExaminationRequest& request) {
    HEXCORE_TRY(inventory, read_inventory(request.model));
    return try_file(inventory, request.context, [](std::string_view step) {
        const std::string line = printable(step) + "\n";
        (void)!::write(STDOUT_FILENO, line.data(), line.size());
    });
}

}  // namespace

std::optional<int> run_examination(int argc, char** argv) {
    const auto request = ExaminationRequest::parse({argv + std::min(argc, 1), argv + argc});
    if (!request) {
        return report_error(request.error());
    }
    if (!*request) {
        return std::nullopt;
    }
    if (!end_with_parent((*request)->parent)) {
        return report_error({ErrorCode::usage, "whoever asked for this examination has ended"});
    }
    be_expendable();
    (void)!::write(STDOUT_FILENO, examination_greeting().data(), examination_greeting().size());
    end_examination_with_last_words();
    try {
        const auto examined = examine(**request);
        // Whatever libllama would still clean up has nothing to tell.
        ::_exit(examined ? 0 : report_error(examined.error()));
    } catch (...) {
        std::terminate();  // whose handler knows what to say
    }
}

}  // namespace hexcore
