#include "hexcore/report/growth_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hexcore/base/printable.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

constexpr std::size_t longest_label = 40;
constexpr std::size_t most_sites = 3;
constexpr std::size_t most_labels = 4;

std::string signed_size(double bytes) {
    const auto size = Bytes(static_cast<std::uint64_t>(std::llround(std::abs(bytes))));
    return fmt::format("{}{}", bytes < 0 ? "-" : "+", to_string(size));
}

std::string label_text(const std::string& label) { return shortened(label, longest_label); }

/// "kv cache of host0 +64 KiB"
std::string site_text(const FoundSite& found) {
    const Site& site = found.judged.site;
    return fmt::format(
        "{} of {} {}", site.purpose.empty() ? "no purpose" : label_text(site.purpose),
        label_text(site.device), signed_size(found.judged.judgement.bytes_per_repeat));
}

std::string grown_text(const RepeatsOnDevice& on) {
    const Judgement& judged = on.judgement;
    if (!on.exact) {
        return fmt::format("{} each ({} to {}, by samples{})", signed_size(judged.bytes_per_repeat),
                           signed_size(judged.least_bytes), signed_size(judged.most_bytes),
                           on.sites.empty() ? "" : ", outside of what is told");
    }
    std::vector<std::string> sites;
    for (const FoundSite& found : on.sites) {
        if (is_growth(found.judged.judgement.verdict) && sites.size() < most_sites) {
            sites.push_back(site_text(found));
        }
    }
    return fmt::format("{} each (exactly: {})", signed_size(judged.bytes_per_repeat),
                       fmt::join(sites, ", "));
}

std::string device_text(const RepeatsOnDevice& on) {
    const Judgement& judged = on.judgement;
    std::string text = fmt::format("{} on {}", to_string(judged.verdict), printable(on.device));
    if (is_growth(judged.verdict)) {
        text += fmt::format(", {}, known after {}", grown_text(on), judged.known_after);
    } else if (!judged.why.empty()) {
        text += fmt::format(" ({})", judged.why);
    }
    return text;
}

}  // namespace

std::string growth_words(const Growth& growth) {
    if (is_growth(growth.verdict) && !growth.label.empty()) {
        return fmt::format("{} a {}: {}", signed_size(growth.bytes_per_repeat),
                           label_text(growth.label), to_string(growth.verdict));
    }
    if (growth.verdict == Verdict::growing) {
        return fmt::format("{}/s: growing", signed_size(growth.bytes_per_s));
    }
    return to_string(growth.verdict);
}

std::vector<std::string> repeat_sentences(const WatchFindings& findings) {
    std::vector<std::string> sentences;
    for (const RepeatFindings& repeated : findings.repeats) {
        if (sentences.size() >= most_labels && !is_growth(repeated.verdict())) {
            continue;
        }
        std::vector<std::string> devices;
        for (const RepeatsOnDevice& on : repeated.devices) {
            devices.push_back(device_text(on));
        }
        sentences.push_back(fmt::format("{} came {} in pid {}: {}.", label_text(repeated.label),
                                        plural(repeated.repeats, "time"), repeated.pid,
                                        devices.empty()
                                            ? "nothing is known of its memory"
                                            : fmt::format("{}", fmt::join(devices, "; "))));
    }
    return sentences;
}

}  // namespace hexcore
