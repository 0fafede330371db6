#include "hexcore/runtime/routing_watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <numeric>
#include <string>

#include "ggml-backend.h"
#include "hexcore/runtime/decoder.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/runtime/load_parameters.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

struct Collected : RoutingSink {
    std::vector<RoutedToken> tokens;
    void computed(const std::vector<RoutedToken>& batch) override {
        tokens.insert(tokens.end(), batch.begin(), batch.end());
    }
};

/// The routers' own numbers, of a plain context.
struct RouterLogits {
    std::map<std::string, std::vector<std::vector<float>>> rows;  ///< by tensor, of all batches

    static bool observe(ggml_tensor* tensor, bool ask, void* into) {
        const std::string name = tensor->name;
        const bool wanted = name.starts_with("ffn_moe_logits-");
        if (ask || !wanted) {
            return ask ? wanted : true;
        }
        auto& rows = static_cast<RouterLogits*>(into)->rows[name];
        for (std::int64_t row = 0; row < tensor->ne[1]; ++row) {
            std::vector<float> values(static_cast<std::size_t>(tensor->ne[0]));
            ggml_backend_tensor_get(tensor, values.data(),
                                    static_cast<std::size_t>(row) * tensor->nb[1],
                                    values.size() * sizeof(float));
            rows.push_back(std::move(values));
        }
        return true;
    }
};

std::vector<ExpertId> largest(const std::vector<float>& values, std::size_t count) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, std::greater(), [&](std::size_t i) { return values[i]; });
    std::vector<ExpertId> chosen;
    for (std::size_t i = 0; i < count; ++i) {
        chosen.emplace_back(order[i]);
    }
    return chosen;
}

class RoutingWatchOfAModel : public LoadedModelTest {
protected:
    RoutingWatchOfAModel() { write({.n_experts = 8, .n_used = 3}); }

    /// 9 tokens in one batch, 4 in the next, then one at a time.
    std::vector<RoutedToken> watched(std::uint32_t seed, std::size_t devices) {
        make_machine(devices);
        Collected collected;
        RoutingWatch watch(collected);
        const auto header = RoutingWatch::header(inventory_);
        EXPECT_TRUE(header.has_value());
        watch.begin(*header);
        LoadOptions options = load_options();
        options.context.outputs = 1;
        options.context.routing = &watch;
        auto model = LoadedModel::load(*machine_, inventory_, random_plan(seed), options);
        EXPECT_TRUE(model.has_value()) << model.error().message;
        Decoder decoder(*model);
        std::uint32_t done = 0;
        for (const std::uint32_t count : batches) {
            const SequenceTokens part{0, done, std::span(tokens_).subspan(done, count)};
            watch.computing({&part, 1}, count > 1 ? TokenKind::prompt : TokenKind::generated);
            const auto decoded = decoder.decode({&part, 1});
            EXPECT_TRUE(decoded.has_value()) << decoded.error().message;
            watch.computed();
            done += count;
        }
        return collected.tokens;
    }

    static constexpr std::array<std::uint32_t, 4> batches{9, 4, 1, 1};
    const std::vector<llama_token> tokens_ = tokens_for(15, 128);
};

TEST_F(RoutingWatchOfAModel, SeesWhatTheRoutersNumbersSayWhereverExpertsLie) {
    const LlamaLog quiet;
    const LoadParameters parameters = LoadParameters::on_cpu();
    const llama_model_ptr model(llama_model_load_from_file(path_.c_str(), parameters.model()));
    RouterLogits router;
    ContextOptions options = load_options().context;
    llama_context_params of_context =
        context_parameters({.tokens = TokenCount(1024), .ubatch = TokenCount(512)}, options);
    of_context.cb_eval = RouterLogits::observe;
    of_context.cb_eval_user_data = &router;
    const llama_context_ptr context(llama_init_from_model(model.get(), of_context));
    auto tokens = tokens_;
    // All in one batch, whose last layer is computed for its last token.
    ASSERT_EQ(llama_decode(context.get(), llama_batch_get_one(tokens.data(), 15)), 0);

    const auto one = watched(1, 1);
    const auto header = RoutingWatch::header(inventory_);
    ASSERT_EQ(one.size(), 15U);
    for (std::size_t layer = 0; layer < header->layers.size(); ++layer) {
        const auto& rows =
            router.rows[fmt::format("ffn_moe_logits-{}", header->layers[layer].layer.value())];
        const bool last = layer + 1 == header->layers.size();
        ASSERT_EQ(rows.size(), last ? 1U : 15U);
        for (std::size_t i = 0; i < one.size(); ++i) {
            if (last && i + 1 < one.size()) {
                // Of each batch the last token: 8, 12, 13.
                EXPECT_EQ(one[i].experts[layer].empty(), i != 8 && i < 12) << i;
            } else {
                EXPECT_EQ(one[i].experts[layer], largest(rows[last ? 0 : i], 3)) << i;
            }
        }
    }
    for (const std::uint32_t seed : {2U, 3U, 4U}) {
        const auto spread = watched(seed, seed);
        ASSERT_EQ(spread.size(), one.size());
        for (std::size_t i = 0; i < one.size(); ++i) {
            EXPECT_EQ(spread[i].experts, one[i].experts) << "seed " << seed << ", token " << i;
        }
    }
}

TEST_F(RoutingWatchOfAModel, TellsBatchesPositionsAndKinds) {
    const auto tokens = watched(1, 2);
    ASSERT_EQ(tokens.size(), 15U);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        EXPECT_EQ(tokens[i].position, i);
        EXPECT_EQ(tokens[i].batch, i < 9 ? 1U : i < 13 ? 2U : i - 10);
        EXPECT_EQ(tokens[i].kind, i < 13 ? TokenKind::prompt : TokenKind::generated);
    }
}

TEST_F(RoutingWatchOfAModel, KnowsWhatAnExpertTakes) {
    const auto header = RoutingWatch::header(inventory_);
    ASSERT_TRUE(header.has_value());
    Bytes sum;
    for (const RoutedLayer& layer : header->layers) {
        EXPECT_EQ(layer.n_experts, 8U);
        sum += Bytes(layer.expert_bytes.count() * layer.n_experts);
    }
    EXPECT_EQ(sum, inventory_.experts_bytes());
    EXPECT_EQ(header->n_experts_used, 3U);
}

TEST_F(RoutingWatchOfAModel, HasNoTraceOfAModelWithoutExperts) {
    inventory_.n_experts = 0;
    std::erase_if(inventory_.tensors,
                  [](const TensorInfo& tensor) { return tensor.role == TensorRole::expert; });
    const auto header = RoutingWatch::header(inventory_);
    ASSERT_FALSE(header.has_value());
    EXPECT_EQ(header.error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace hexcore::test
