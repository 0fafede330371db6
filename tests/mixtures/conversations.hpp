#pragma once

#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore::test {

/// Sessions that make room for others, begin anew and slide, as far as the architecture can, in a
/// context of two sequences.
void converse(LoadedModel& model);

/// The figures of a session that grows beyond a window, beside libllama's own size of it: that has
/// more by 12 or 24 bytes for each cell of a cache, of which there are at most four.
void expect_true_figures(LoadedModel& model);

}  // namespace hexcore::test
