#pragma once

// All that a program needs to plan, load and run a model, and to reserve memory for heavy work.
// What else is installed is there because these headers need it; what it says holds, but it may
// change.

#include "hexcore/api/leftovers.hpp"             // IWYU pragma: export
#include "hexcore/api/planned_model.hpp"         // IWYU pragma: export
#include "hexcore/api/reset.hpp"                 // IWYU pragma: export
#include "hexcore/base/told.hpp"                 // IWYU pragma: export
#include "hexcore/chat/answer_reader.hpp"        // IWYU pragma: export
#include "hexcore/chat/chat_template.hpp"        // IWYU pragma: export
#include "hexcore/report/json_text.hpp"          // IWYU pragma: export
#include "hexcore/report/plan_json.hpp"          // IWYU pragma: export
#include "hexcore/report/plan_table.hpp"         // IWYU pragma: export
#include "hexcore/report/run_json.hpp"           // IWYU pragma: export
#include "hexcore/report/run_table.hpp"          // IWYU pragma: export
#include "hexcore/reserve/resource_manager.hpp"  // IWYU pragma: export
#include "hexcore/session/describe_run.hpp"      // IWYU pragma: export
#include "hexcore/session/engine.hpp"            // IWYU pragma: export
