#include "hexcore/plan/kv_type_blame.hpp"

#include <gtest/gtest.h>

#include "requests.hpp"

namespace hexcore::test {
namespace {

/// What becomes of a dry run's error with a KV cache of `asked` where one of f16 ends with `plain`.
Error blamed(ErrorCode first, KvType asked, ErrorCode plain) {
    PlanRequest request = shape_request("mixtral-8x7b", {20_GiB, 14_GiB}, 4096, Policy::balanced);
    request.context.kv_type = asked;
    const DryRun dry_run = [plain](const Plan& plan) -> Result<DryRunUsage> {
        EXPECT_EQ(plan.context.kv_type, KvType::f16);
        return fail(plain, "of f16");
    };
    return with_kv_type_blamed({first, "of the type asked for"}, request, dry_run);
}

TEST(KvTypeBlame, AnInterruptWhileF16IsTriedIsAnInterruptAndBlamesNobody) {
    const Error error = blamed(ErrorCode::bad_input, KvType::q4_0, ErrorCode::interrupted);
    EXPECT_EQ(error.code, ErrorCode::interrupted);
    EXPECT_EQ(error.message, "of f16");
}

TEST(KvTypeBlame, ATypeThatAModelCannotHaveIsWrongUsageEvenWhereF16IsTooLarge) {
    const Error error = blamed(ErrorCode::bad_input, KvType::q4_0, ErrorCode::does_not_fit);
    EXPECT_EQ(error.code, ErrorCode::usage);
    EXPECT_EQ(error.message,
              "a KV cache in q4_0 is not for this model, which needs f16: of the type asked for");
}

TEST(KvTypeBlame, WhatIsNotTheTypesFaultStaysAsItIs) {
    EXPECT_EQ(blamed(ErrorCode::bad_input, KvType::q8_0, ErrorCode::bad_input).message,
              "of the type asked for");
    for (const ErrorCode code : {ErrorCode::does_not_fit, ErrorCode::interrupted}) {
        EXPECT_EQ(blamed(code, KvType::q8_0, ErrorCode::bad_input).code, code);
    }
    EXPECT_EQ(blamed(ErrorCode::bad_input, KvType::f16, ErrorCode::interrupted).code,
              ErrorCode::bad_input);
}

}  // namespace
}  // namespace hexcore::test
