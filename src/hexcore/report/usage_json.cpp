#include "hexcore/report/usage_json.hpp"

#include <nlohmann/json.hpp>

namespace hexcore {
namespace {

Result<Bytes> bytes_member(const JsonCursor& cursor, std::string_view key) {
    HEXCORE_TRY(member, cursor.member(key));
    return member.bytes();
}

/// Nothing where the key is missing: plans of earlier versions do not have it.
Result<Bytes> bytes_or_none(const JsonCursor& cursor, std::string_view key) {
    return cursor.has(key) ? bytes_member(cursor, key) : Bytes();
}

}  // namespace

nlohmann::ordered_json usage_json(const Usage& usage) {
    return {{"weights_bytes", usage.weights.count()}, {"experts_bytes", usage.experts.count()},
            {"kv_bytes", usage.kv.count()},           {"recurrent_bytes", usage.recurrent.count()},
            {"compute_bytes", usage.compute.count()}, {"staging_bytes", usage.staging.count()},
            {"total_bytes", usage.total().count()}};
}

Result<Usage> usage_from_json(const JsonCursor& cursor) {
    Usage usage;
    HEXCORE_TRY(weights, bytes_member(cursor, "weights_bytes"));
    HEXCORE_TRY(experts, bytes_member(cursor, "experts_bytes"));
    HEXCORE_TRY(kv, bytes_member(cursor, "kv_bytes"));
    HEXCORE_TRY(recurrent, bytes_or_none(cursor, "recurrent_bytes"));
    HEXCORE_TRY(compute, bytes_member(cursor, "compute_bytes"));
    HEXCORE_TRY(staging, bytes_member(cursor, "staging_bytes"));
    usage.weights = weights;
    usage.experts = experts;
    usage.kv = kv;
    usage.recurrent = recurrent;
    usage.compute = compute;
    usage.staging = staging;
    HEXCORE_TRY(total, cursor.member("total_bytes"));
    HEXCORE_TRY(total_bytes, total.bytes());
    if (total_bytes != usage.total()) {
        return total.wrong(fmt::format("the parts add up to {}", usage.total().count()));
    }
    return usage;
}

}  // namespace hexcore
