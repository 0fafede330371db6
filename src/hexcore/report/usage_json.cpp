#include "hexcore/report/usage_json.hpp"

#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

std::string key_of(Purpose purpose) { return fmt::format("{}_bytes", to_string(purpose)); }

}  // namespace

nlohmann::ordered_json usage_json(const Usage& usage) {
    nlohmann::ordered_json json;
    for (const Purpose purpose : all_purposes) {
        const bool is_seldom = purpose == Purpose::adapters || purpose == Purpose::expert_cache ||
                               purpose == Purpose::parked;
        if (!is_seldom || usage[purpose] > Bytes()) {
            json[key_of(purpose)] = usage[purpose].count();
        }
    }
    json["total_bytes"] = usage.total().count();
    return json;
}

Result<Usage> usage_from_json(const JsonCursor& cursor) {
    Usage usage;
    for (const Purpose purpose : all_purposes) {
        const std::string key = key_of(purpose);
        const bool may_be_missing =  // plans of earlier versions; without adapters; of devices
            purpose == Purpose::recurrent || purpose == Purpose::adapters ||
            purpose == Purpose::expert_cache || purpose == Purpose::parked;
        if (may_be_missing && !cursor.has(key)) {
            continue;
        }
        HEXCORE_TRY(member, cursor.member(key));
        HEXCORE_TRY(size, member.bytes());
        usage[purpose] = size;
    }
    HEXCORE_TRY(total, cursor.member("total_bytes"));
    HEXCORE_TRY(total_bytes, total.bytes());
    if (total_bytes != usage.total()) {
        return total.wrong(fmt::format("the parts add up to {}", usage.total().count()));
    }
    return usage;
}

}  // namespace hexcore
