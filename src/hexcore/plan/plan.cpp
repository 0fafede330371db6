#include "hexcore/plan/plan.hpp"

namespace hexcore {

const char* to_string(KvType type) {
    switch (type) {
        case KvType::f16:
            return "f16";
        case KvType::q8_0:
            return "q8_0";
        case KvType::q4_0:
            return "q4_0";
    }
    return "?";
}

Result<KvType> parse_kv_type(std::string_view name) {
    for (const KvType type : {KvType::f16, KvType::q8_0, KvType::q4_0}) {
        if (name == to_string(type)) {
            return type;
        }
    }
    return fail(ErrorCode::usage, "no KV cache type '{}'; use f16, q8_0 or q4_0", name);
}

double PlannedDevice::fill() const {
    return budget == Bytes() ? 0.0 : planned.total().as_double() / budget.as_double();
}

}  // namespace hexcore
