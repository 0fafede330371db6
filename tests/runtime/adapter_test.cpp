#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/loaded_model.hpp"

// LoRA adapters over merged expert tensors: sharded like the experts that they modify.

namespace hexcore::test {
namespace {

constexpr float alpha = 16.0F;
constexpr float strength = 0.7F;

/// The experts' tensors that an adapter modifies.
using Roles = std::vector<std::string>;
const Roles all_roles{"gate", "up", "down"};

/// An adapter of that rank over the experts of every layer of write_tiny_mixture()'s model.
void write_adapter(const std::filesystem::path& path, const TinyShape& shape, const Roles& roles,
                   std::uint32_t rank, std::uint32_t seed) {
    GgufBuilder file;
    file.key("general.type", "adapter")
        .key("general.architecture", "llama")
        .key("adapter.type", "lora")
        .key_f32("adapter.lora.alpha", alpha);
    for (std::uint32_t layer = 0; layer < shape.n_layers; ++layer) {
        for (const std::string& role : roles) {
            const std::string name = fmt::format("blk.{}.ffn_{}_exps.weight", layer, role);
            const std::uint32_t from = role == "down" ? shape.n_ff : shape.n_embd;
            const std::uint32_t to = role == "down" ? shape.n_embd : shape.n_ff;
            file.tensor(name + ".lora_a", {from, rank, shape.n_experts})
                .tensor(name + ".lora_b", {rank, to, shape.n_experts});
        }
    }
    write_random(path, file, shape.n_embd, seed);
}

/// The logits of every token, computed in batches of `batch`, from an empty cache.
std::vector<float> logits_of(llama_context& context, const std::vector<llama_token>& tokens,
                             std::size_t batch, std::uint32_t n_vocab) {
    llama_memory_clear(llama_get_memory(&context), true);
    std::vector<float> logits;
    for (std::size_t done = 0; done < tokens.size(); done += batch) {
        const std::size_t count = std::min(batch, tokens.size() - done);
        std::vector<llama_token> now(tokens.begin() + static_cast<std::ptrdiff_t>(done),
                                     tokens.begin() + static_cast<std::ptrdiff_t>(done + count));
        std::vector<std::int8_t> wanted(count, 1);
        llama_batch part = llama_batch_get_one(now.data(), static_cast<std::int32_t>(count));
        part.logits = wanted.data();
        EXPECT_EQ(llama_decode(&context, part), 0);
        for (std::size_t i = 0; i < count; ++i) {
            const float* row = llama_get_logits_ith(&context, static_cast<std::int32_t>(i));
            logits.insert(logits.end(), row, row + n_vocab);
        }
    }
    return logits;
}

class Adapter : public LoadedModelTest {
protected:
    std::filesystem::path write_adapter_file(const Roles& roles, std::uint32_t rank,
                                             std::uint32_t seed) {
        auto path = folder_.path() / fmt::format("adapter{}.gguf", seed);
        write_adapter(path, shape_, roles, rank, seed);
        paths_.push_back(path);
        return path;
    }

    std::vector<llama_adapter_lora_ptr> apply(llama_model& model, llama_context& context) {
        std::vector<llama_adapter_lora_ptr> adapters;
        std::vector<llama_adapter_lora*> list;
        for (const auto& path : paths_) {
            adapters.emplace_back(llama_adapter_lora_init(&model, path.c_str()));
            EXPECT_NE(adapters.back(), nullptr);
            list.push_back(adapters.back().get());
        }
        std::vector<float> scales(list.size(), strength);
        EXPECT_EQ(llama_set_adapters_lora(&context, list.data(), list.size(), scales.data()), 0);
        return adapters;
    }

    std::vector<float> plain(const Plan& plan, const std::vector<llama_token>& tokens,
                             std::size_t batch) {
        LlamaLog log;
        llama_model_params parameters = llama_model_default_params();
        std::vector<ggml_backend_dev_t> no_devices{nullptr};
        parameters.devices = no_devices.data();
        parameters.n_gpu_layers = 0;
        parameters.use_extra_bufts = false;
        const llama_model_ptr model(llama_model_load_from_file(path_.c_str(), parameters));
        const llama_context_ptr context(llama_init_from_model(
            model.get(), context_parameters(plan.context, {.outputs = 512, .threads = 2})));
        const auto adapters = apply(*model, *context);
        return logits_of(*context, tokens, batch, shape_.n_vocab);
    }

    [[nodiscard]] std::vector<Usage> accounted() const {
        std::vector<Usage> all;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            all.push_back(machine_->device(DeviceId(i)).memory().accounted());
        }
        return all;
    }

    TinyShape shape_;
    std::vector<std::filesystem::path> paths_;
};

TEST_F(Adapter, LogitsAreThoseOfPlainLibllamaWithTheSameAdaptersToTheBit) {
    struct Case {
        std::size_t n_devices;
        std::size_t n_tokens;
        std::size_t batch;
        std::vector<Roles> adapters;
    };
    const std::vector<Case> cases{{1, 40, 40, {all_roles}},
                                  {2, 5, 1, {all_roles}},
                                  {2, 65, 65, {all_roles}},
                                  {4, 130, 33, {all_roles}},
                                  {3, 50, 50, {{"up"}}},
                                  {3, 50, 50, {{"gate"}}},
                                  {3, 50, 7, {{"down"}}},
                                  {3, 60, 60, {all_roles, all_roles}},
                                  {3, 9, 1, {all_roles, all_roles}},
                                  {3, 60, 60, {{"up"}, {"up"}, {"gate", "down"}}}};
    for (const Case& c : cases) {
        SCOPED_TRACE(fmt::format("{} devices, {} tokens by {}, {} adapters, the first over {}",
                                 c.n_devices, c.n_tokens, c.batch, c.adapters.size(),
                                 c.adapters.front().front()));
        shape_ = {.n_experts = 8, .n_used = 3};
        write(shape_);
        paths_.clear();
        for (const Roles& roles : c.adapters) {
            write_adapter_file(roles, 4, 31 + static_cast<std::uint32_t>(paths_.size()));
        }
        make_machine(c.n_devices);
        const Plan plan = random_plan(17);
        const auto tokens = tokens_for(c.n_tokens, shape_.n_vocab);
        std::vector<float> without;
        std::vector<float> with;
        {
            auto session = load(plan);
            ASSERT_TRUE(session.has_value()) << session.error().message;
            without = logits_of(session->context(), tokens, c.batch, shape_.n_vocab);
            const auto adapters = apply(session->model(), session->context());
            with = logits_of(session->context(), tokens, c.batch, shape_.n_vocab);
        }
        expect_empty_devices();
        const VerifyReport report =
            compare_outputs(with, plain(plan, tokens, c.batch), {.tokens = tokens});
        // libllama adds adapters up in the order of their addresses, which is another each time.
        EXPECT_TRUE(report.identical || c.adapters.size() > 1) << report.max_relative_error;
        EXPECT_LT(report.max_relative_error, 1e-5);
        EXPECT_TRUE(std::isfinite(report.max_relative_error));
        EXPECT_NE(with, without);  // or the adapters did nothing
    }
}

TEST_F(Adapter, IsAccountedByItselfWhereTheExpertsAreThatItModifies) {
    constexpr std::uint32_t rank = 8;
    shape_ = {.n_experts = 8, .n_used = 3};
    write(shape_);
    const auto path = write_adapter_file(all_roles, rank, 41);
    make_machine(4);
    Plan plan = random_plan(19);
    for (auto& experts : plan.placement.expert_device) {
        std::replace(experts.begin(), experts.end(), DeviceId(1), DeviceId(2));
    }
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    const std::vector<Usage> before = accounted();
    {
        const llama_adapter_lora_ptr adapter(
            llama_adapter_lora_init(&session->model(), path.c_str()));
        ASSERT_NE(adapter, nullptr);
        const std::vector<Usage> after = accounted();
        // Three roles, each with a tensor of n_embd and one of n_ff rows of `rank` for an expert.
        const auto shards = [&](std::uint64_t rows, std::uint64_t count) {
            return ExpertLayout::shard_size(Bytes(rows * rank * sizeof(float) * count)) * 3;
        };
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            SCOPED_TRACE(i);
            Bytes expected;
            for (const auto& experts : plan.placement.expert_device) {
                const auto count = static_cast<std::uint64_t>(
                    std::count(experts.begin(), experts.end(), DeviceId(i)));
                if (count > 0) {
                    expected += shards(shape_.n_embd, count) + shards(shape_.n_ff, count);
                }
            }
            EXPECT_EQ(after[i].adapters, expected);
            EXPECT_EQ(after[i].total() - expected, before[i].total());
        }
    }
    EXPECT_EQ(accounted(), before);
}

TEST_F(Adapter, ProductsHaveRoomForGatheredRowsBehindThem) {
    shape_ = {.n_experts = 8, .n_used = 3};
    write(shape_);
    make_machine(2);
    auto session = load(random_plan(31));
    ASSERT_TRUE(session.has_value()) << session.error().message;
    constexpr std::int64_t n_tokens = 50;
    const ggml_context_ptr tensors(ggml_init({1 << 16, nullptr, true}));
    ggml_tensor* weight =
        ggml_new_tensor_3d(tensors.get(), GGML_TYPE_F32, shape_.n_embd, 4, shape_.n_experts);
    ggml_set_name(weight, "blk.0.ffn_up_exps.weight.lora_a");
    Device& home = machine_->device(DeviceId(0));
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(tensors.get(), home.expert_buffer_type()));
    ASSERT_NE(buffer, nullptr);
    ggml_tensor* x = ggml_new_tensor_3d(tensors.get(), GGML_TYPE_F32, shape_.n_embd, 1, n_tokens);
    ggml_tensor* ids = ggml_new_tensor_2d(tensors.get(), GGML_TYPE_I32, shape_.n_used, n_tokens);
    const ggml_tensor* product = ggml_mul_mat_id(tensors.get(), weight, x, ids);
    const std::size_t rows = sizeof(float) * shape_.n_embd * shape_.n_used * n_tokens;
    EXPECT_GE(ggml_backend_buft_get_alloc_size(home.buffer_type(), product),
              ggml_nbytes(product) + rows);
}

TEST_F(Adapter, LeavesNothingWhenItGoesWithItsModel) {
    write(shape_);
    write_adapter_file(all_roles, 4, 43);
    make_machine(3);
    {
        auto session = load(random_plan(23));
        ASSERT_TRUE(session.has_value()) << session.error().message;
        auto adapters = apply(session->model(), session->context());
        logits_of(session->context(), tokens_for(20, shape_.n_vocab), 20, shape_.n_vocab);
        adapters.front().release();  // libllama frees those that are still there
    }
    expect_empty_devices();
}

TEST_F(Adapter, OverABudgetIsRefusedAndLeavesTheModelAsItWas) {
    shape_ = {.n_experts = 8};
    write(shape_);
    const auto path = write_adapter_file(all_roles, 64, 47);
    make_machine(3);
    const Plan plan = random_plan(29);
    std::vector<DeviceSpec> specs = machine_->specs();
    {
        auto session = load(plan);
        ASSERT_TRUE(session.has_value()) << session.error().message;
        for (std::size_t i = 0; i < specs.size(); ++i) {
            specs[i].budget = machine_->device(DeviceId(i)).memory().budget().peak() + 300_KiB;
        }
    }
    machine_ = *Machine::create(specs);
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    const auto tokens = tokens_for(20, shape_.n_vocab);
    const auto logits = logits_of(session->context(), tokens, 20, shape_.n_vocab);
    const std::vector<Usage> before = accounted();
    EXPECT_EQ(llama_adapter_lora_init(&session->model(), path.c_str()), nullptr);
    const auto refusal = machine_->last_refusal();
    ASSERT_TRUE(refusal.has_value());
    EXPECT_EQ(refusal->code, ErrorCode::does_not_fit);
    EXPECT_EQ(accounted(), before);
    EXPECT_EQ(logits_of(session->context(), tokens, 20, shape_.n_vocab), logits);
}

}  // namespace
}  // namespace hexcore::test
