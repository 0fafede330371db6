#include "hexcore/ledger/usage.hpp"

namespace hexcore {
namespace {

Bytes Usage::*member_of(Purpose purpose) {
    switch (purpose) {
        case Purpose::weights:
            return &Usage::weights;
        case Purpose::experts:
            return &Usage::experts;
        case Purpose::adapters:
            return &Usage::adapters;
        case Purpose::kv:
            return &Usage::kv;
        case Purpose::recurrent:
            return &Usage::recurrent;
        case Purpose::compute:
            return &Usage::compute;
        case Purpose::expert_cache:
            return &Usage::expert_cache;
        case Purpose::staging:
            return &Usage::staging;
        case Purpose::parked:
            return &Usage::parked;
    }
    HEXCORE_CHECK(false, "unknown purpose", static_cast<int>(purpose));
}

}  // namespace

const char* to_string(Purpose purpose) {
    switch (purpose) {
        case Purpose::weights:
            return "weights";
        case Purpose::experts:
            return "experts";
        case Purpose::adapters:
            return "adapters";
        case Purpose::kv:
            return "kv";
        case Purpose::recurrent:
            return "recurrent";
        case Purpose::compute:
            return "compute";
        case Purpose::expert_cache:
            return "expert_cache";
        case Purpose::staging:
            return "staging";
        case Purpose::parked:
            return "parked";
    }
    HEXCORE_CHECK(false, "unknown purpose", static_cast<int>(purpose));
}

Bytes& Usage::operator[](Purpose purpose) { return this->*member_of(purpose); }

Bytes Usage::operator[](Purpose purpose) const { return this->*member_of(purpose); }

Bytes Usage::total() const {
    Bytes sum;
    for (const Purpose purpose : all_purposes) {
        sum += (*this)[purpose];
    }
    return sum;
}

}  // namespace hexcore
