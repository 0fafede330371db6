#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// Removes what is in a command's folder for temporary files, and adds it to the residues: each
/// entry by its name in the folder, with all that is in it; past 16 the rest as one. What
/// begins with `untold_prefix`, unless that is empty, is removed and not added.
void remove_temporary_files(const std::filesystem::path& folder, const std::string& untold_prefix,
                            std::vector<Residue>& residues);

}  // namespace hexcore
