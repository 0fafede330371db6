#pragma once

#include <pugixml.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/ids.hpp"

namespace hexcore {

struct SvgBox {
    double x = 0;
    double y = 0;
    double width = 0;
    double height = 0;
};

struct SvgPoint {
    double x = 0;
    double y = 0;
};

enum class SvgAnchor { start, middle, end };

struct SvgText {
    double size = 12;
    SvgAnchor anchor = SvgAnchor::start;
    std::string_view fill = "#1f2933";
    bool bold = false;
};

/// A drawing on a light ground, in user units that are pixels at its natural size. Text is escaped
/// by the XML library; it must be printable() already.
class SvgPage {
public:
    SvgPage(double width, const std::string& title, const std::string& description);

    /// A filled box; `tooltip` shows under the pointer and is read out by screen readers.
    void box(const SvgBox& where, std::string_view fill, const std::string& tooltip = "");
    /// The filled area within the points; `tooltip` as of a box.
    void area(const std::vector<SvgPoint>& outline, std::string_view fill,
              const std::string& tooltip = "");
    void dot(const SvgPoint& middle, double radius, std::string_view fill,
             const std::string& tooltip = "");
    void text(double x, double y, const std::string& words, const SvgText& look = {});
    /// The document as text, `height` high.
    [[nodiscard]] std::string finish(double height);

    /// The fill of what is kept free: hatched.
    static constexpr std::string_view hatched = "url(#hexcore-reserve)";

private:
    pugi::xml_document document_;
    pugi::xml_node svg_;
    pugi::xml_node ground_;
    double width_;
};

/// A colour for a device, repeated from the 17th on.
[[nodiscard]] std::string_view device_fill(DeviceId device);
/// Black or white, whichever is easier to read on `fill` (#rrggbb).
[[nodiscard]] std::string_view ink_on(std::string_view fill);

}  // namespace hexcore
