#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"
#include "support/known_adapter.hpp"
#include "support/tiny_adapter.hpp"

// Adapters that are planned and loaded with their model.

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
using Wanted = std::function<bool(std::string_view)>;

bool everything(std::string_view) { return true; }
bool any_experts(std::string_view name) { return name.find("_exps") != std::string_view::npos; }

class AdapterLoad : public LoadedModelTest {
protected:
    AdapterLoad() { write({.n_experts = 8, .n_used = 3}); }

    std::filesystem::path write_adapter(const Wanted& wanted, std::uint32_t seed) {
        auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_tiny_adapter(path, inventory_, wanted, 4, seed);
        return path;
    }
    std::vector<ChosenAdapter> chosen(const std::vector<AdapterWish>& wishes) const {
        auto adapters = read_adapters(wishes, inventory_);
        EXPECT_TRUE(adapters.has_value()) << adapters.error().message;
        return *std::move(adapters);
    }
    static LoadOptions options_with(const std::vector<ChosenAdapter>& adapters) {
        LoadOptions options = load_options();
        options.context.adapters = adapters;
        return options;
    }
    Result<LoadedModel> load_with(const Plan& plan, const std::vector<ChosenAdapter>& adapters) {
        return LoadedModel::load(*machine_, inventory_, plan, options_with(adapters));
    }
    Result<std::vector<float>> outputs_with(const Plan& plan, const VerifyOptions& options) {
        HEXCORE_TRY(model, load_with(plan, options.adapters));
        return planned_outputs(model, options);
    }
    VerifyOptions comparing(std::size_t count, const std::vector<ChosenAdapter>& adapters) const {
        return {.tokens = tokens_for(count, 128), .threads = 2, .adapters = adapters};
    }
};

TEST_F(AdapterLoad, LogitsAreThoseOfPlainLibllamaWithTheSameAdaptersToTheBit) {
    const auto whole = write_adapter(everything, 3);
    const auto experts = write_adapter(any_experts, 4);
    const auto third = write_adapter(everything, 5);
    const std::vector<std::vector<AdapterWish>> sets{
        {{whole}}, {{experts, -0.5F}}, {{whole, 0.5F}, {experts, 2.0F}}, {{experts}, {third}}};
    for (const std::size_t n_devices : {1U, 3U}) {
        make_machine(n_devices);
        const Plan plan = random_plan(17);
        const auto without = outputs_with(plan, comparing(12, {}));
        ASSERT_TRUE(without.has_value()) << without.error().message;
        for (const auto& set : sets) {
            SCOPED_TRACE(fmt::format("{} devices, {} adapters", n_devices, set.size()));
            VerifyOptions options = comparing(12, chosen(set));
            options.batch = n_devices == 1 ? 0 : 7;
            const auto with = outputs_with(plan, options);
            ASSERT_TRUE(with.has_value()) << with.error().message;
            EXPECT_NE(*with, *without);
            expect_those_of_plain_libllama(*with, plan, options);
            expect_empty_devices();
        }
    }
}

// libllama sums them up in the order of a hash table of their addresses.
TEST_F(AdapterLoad, AsManyAsThereCanBeAreSummedUpInTheOrderInWhichTheyAreNamedEachTime) {
    make_machine(2);
    const Plan plan = random_plan(41);
    std::vector<AdapterWish> wishes;
    for (std::uint32_t seed = 20; seed < 20 + max_adapters; ++seed) {
        wishes.push_back({write_adapter(everything, seed), 0.2F});
    }
    const VerifyOptions options = comparing(6, chosen(wishes));
    const auto first = outputs_with(plan, options);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    std::vector<std::unique_ptr<char[]>> between;  // so that the next are elsewhere
    for (std::size_t i = 1; i < 4; ++i) {
        between.push_back(std::make_unique<char[]>(i * 112));
        EXPECT_EQ(*outputs_with(plan, options), *first);
        expect_those_of_plain_libllama(*first, plan, options);
    }
    std::ranges::reverse(wishes);
    EXPECT_NE(*outputs_with(plan, comparing(6, chosen(wishes))), *first);
}

TEST_F(AdapterLoad, PlannedIsAccountedToTheByte) {
    make_machine(3);
    const Plan plan = random_plan(19);
    const auto adapters =
        chosen({{write_adapter(everything, 6)}, {write_adapter(any_experts, 7), 0.5F}});
    const auto planned = make_dry_run(*machine_, inventory_, options_with(adapters).context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    Bytes sum = planned->host.adapters;
    {
        auto model = load_with(plan, adapters);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]) << i;
            EXPECT_GT(planned->devices[i].adapters, Bytes()) << i;
            sum += planned->devices[i].adapters;
        }
        EXPECT_EQ(model->host_usage(), planned->host);
        EXPECT_GT(planned->host.adapters, Bytes());  // of the embedding
        const auto& keys = model->adapter_keys();
        EXPECT_EQ(keys, (std::vector{adapters[0].key(), adapters[1].key()}));
        // Computing takes no more than was reserved.
        ASSERT_TRUE(planned_outputs(*model, comparing(300, adapters)));
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]) << i;
        }
    }
    EXPECT_GE(sum, adapters[0].file.bytes() + adapters[1].file.bytes());
    expect_empty_devices();
}

TEST_F(AdapterLoad, EachSetHasAContextOfItsOwnWhichTheOthersDoNotChange) {
    make_machine(3);
    const Plan plan = random_plan(37);
    const auto whole = write_adapter(everything, 10);
    const auto experts = write_adapter(any_experts, 11);
    LoadOptions options = options_with({});
    options.context.more_adapters = {chosen({{whole}}), chosen({{whole, 0.5F}, {experts}})};
    const auto planned = make_dry_run(*machine_, inventory_, options.context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    {
        auto model = LoadedModel::load(*machine_, inventory_, plan, options);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        ASSERT_EQ(model->n_contexts(), 3U);
        std::vector<std::vector<float>> outputs;
        const auto sets = options.context.adapter_sets();
        for (const bool again : {false, true}) {
            for (std::size_t i = 0; i < sets.size(); ++i) {
                LoadedModel in_context = model->in_context(i);
                EXPECT_EQ(in_context.adapter_keys().size(), sets[i].size());
                llama_memory_clear(llama_get_memory(&in_context.context()), true);
                const auto now = planned_outputs(in_context, comparing(12, sets[i]));
                ASSERT_TRUE(now.has_value()) << now.error().message;
                if (again) {
                    EXPECT_EQ(*now, outputs[i]) << i;
                } else {
                    expect_those_of_plain_libllama(*now, plan, comparing(12, sets[i]));
                    outputs.push_back(*now);
                }
            }
        }
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]) << i;
        }
        EXPECT_EQ(model->host_usage(), planned->host);
    }
    expect_empty_devices();
}

TEST_F(AdapterLoad, AKnownAdapterHasItsEffectOnTheLogitsAndNoOther) {
    make_machine(2);
    const Plan plan = random_plan(23);
    const auto path = folder_.path() / "known.gguf";
    write_known_adapter(path, path_, inventory_,
                        {{.from = 5, .to = 7, .factor = 0.5F}, {.from = 9, .to = 3, .factor = -2}});
    const auto without = outputs_with(plan, comparing(10, {}));
    const auto with = outputs_with(plan, comparing(10, chosen({{path, 3.0F}})));
    ASSERT_TRUE(without.has_value());
    ASSERT_TRUE(with.has_value()) << with.error().message;
    for (std::size_t i = 0; i < with->size(); ++i) {
        const float* row = &(*without)[i / 128 * 128];
        const float more = i % 128 == 7 ? 1.5F * row[5] : i % 128 == 3 ? -6.0F * row[9] : 0.0F;
        EXPECT_NEAR((*with)[i], (*without)[i] + more, 1e-5F) << i;
    }
}

TEST_F(AdapterLoad, DamagedOrOtherNumbersAreRefusedAndLeaveNothing) {
    make_machine(2);
    const Plan plan = random_plan(29);
    const auto path = write_adapter(everything, 8);
    const auto before = chosen({{path}});
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-64, std::ios::end);
    const float broken = std::nanf("");
    file.write(reinterpret_cast<const char*>(&broken), sizeof(broken));
    file.close();
    for (const auto& [adapters, words] :
         {std::pair(before, "was written to or replaced"), {chosen({{path}}), "a NaN"}}) {
        const auto model = load_with(plan, adapters);
        ASSERT_FALSE(model.has_value());
        EXPECT_EQ(model.error().code, ErrorCode::bad_input);
        EXPECT_THAT(model.error().message, HasSubstr(words));
        EXPECT_THAT(model.error().message, HasSubstr(path.string()));
        expect_empty_devices();
    }
}

TEST_F(AdapterLoad, WhatDoesNotFitIsRefusedAndLeavesNothing) {
    make_machine(2);
    const Plan plan = random_plan(31);
    const auto adapters = chosen({{write_adapter(everything, 9)}});
    const auto planned = make_dry_run(*machine_, inventory_, options_with(adapters).context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    for (const Bytes missing : {1_B, planned->devices[1].adapters}) {
        std::vector<DeviceSpec> specs = machine_->specs();
        specs[1].budget = planned->devices[1].total() - missing;
        machine_ = *Machine::create(specs);
        const auto model = load_with(plan, adapters);
        ASSERT_FALSE(model.has_value());
        EXPECT_EQ(model.error().code, ErrorCode::does_not_fit);
        expect_empty_devices();
        specs[1].budget += missing;
        machine_ = *Machine::create(specs);
        EXPECT_TRUE(load_with(plan, adapters).has_value());
    }
}

// What the reader lets through must be what libllama takes for granted: it asserts, or stops.
TEST_F(AdapterLoad, WhateverTheReaderLetsThroughIsAppliedOrRefusedWithASentence) {
    make_machine(2);
    auto model = load_with(random_plan(43), {});
    ASSERT_TRUE(model.has_value()) << model.error().message;
    const auto path = write_adapter(everything, 30);
    std::string whole;
    {
        std::ifstream file(path, std::ios::binary);
        whole.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::size_t header = whole.find("output.weight.lora_b") + 60;
    std::mt19937 random(7);
    std::size_t n_read = 0;
    std::size_t n_applied = 0;
    for (int i = 0; i < 600; ++i) {
        std::string bytes = whole;
        for (auto n = random() % 3 + 1; n > 0; --n) {
            const std::size_t at = random() % header;
            switch (random() % 4) {
                case 0:
                    bytes[at] = static_cast<char>(bytes[at] ^ (1U << random() % 8));
                    break;
                case 1:
                    bytes[at] = static_cast<char>(random());
                    break;
                case 2:  // of another place, such as another shape or type
                    bytes[at] = bytes[random() % header];
                    break;
                default:
                    bytes.resize(bytes.size() - random() % (i % 10 == 0 ? bytes.size() / 2 : 2));
            }
        }
        GgufBuilder::write_file(path, bytes);
        const auto adapters = read_adapters(std::vector<AdapterWish>{{path, 0.5F}}, inventory_);
        if (!adapters) {
            ASSERT_EQ(adapters.error().code, ErrorCode::bad_input) << i;
            ASSERT_THAT(adapters.error().message, HasSubstr(path.string())) << i;
            continue;
        }
        ++n_read;
        const auto applied = model->apply(*adapters);
        n_applied += applied ? 1 : 0;
        if (!applied) {
            ASSERT_EQ(applied.error().code, ErrorCode::bad_input) << applied.error().message;
        }
    }
    EXPECT_GT(n_read, 10U);
    EXPECT_GT(n_applied, 10U);
    ASSERT_TRUE(model->apply({}));
    for (std::size_t i = 0; i < machine_->size(); ++i) {
        EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted().adapters, Bytes());
    }
}

}  // namespace
}  // namespace hexcore::test
