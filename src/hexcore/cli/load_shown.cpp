#include "hexcore/cli/load_shown.hpp"

#include "hexcore/cli/load_progress.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {

Result<LoadedModel> load_shown(const PlannedModel& model, const Interrupt& interrupt,
                               DataCheck check) {
    LoadProgress bar;
    LoadOptions options;
    options.progress = [&bar](ReadProgress read) {
        bar.update(read);
        return true;
    };
    options.stop = interrupt.flag();
    options.verify_data = check == DataCheck::values;
    options.tell = complain;
    return model.load(options);
}

}  // namespace hexcore
