#pragma once

#include <string_view>

namespace hexcore {

// The page of a recording's report but for its data, a JSON document. tools/embed_page.py makes it
// of the files in page/.
extern const std::string_view page_before_data;
extern const std::string_view page_behind_data;

}  // namespace hexcore
