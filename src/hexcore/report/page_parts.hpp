#pragma once

#include <string_view>

namespace hexcore {

/// A page but for its data, a JSON document that stands between these two.
struct PageParts {
    std::string_view before_data;
    std::string_view behind_data;
};

// tools/embed_page.py makes them of the files in page/.
extern const PageParts recording_page_parts;
extern const PageParts test_page_parts;

}  // namespace hexcore
