#include "mixtures/traced_routing.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "hexcore/model/inventory.hpp"
#include "hexcore/runtime/decoder.hpp"
#include "hexcore/runtime/routing_watch.hpp"

namespace hexcore::test {
namespace {

struct LastBatch : RoutingSink {
    std::vector<RoutedToken> tokens;
    void computed(const std::vector<RoutedToken>& batch) override { tokens = batch; }
};

}  // namespace

void expect_traced_routing(Machine& machine, const Inventory& inventory, const Plan& plan,
                           LoadOptions options) {
    LastBatch batch;
    RoutingWatch watch(batch);
    const auto header = RoutingWatch::header(inventory);
    ASSERT_TRUE(header.has_value()) << header.error().message;
    watch.begin(*header);
    options.context.routing = &watch;
    auto model = LoadedModel::load(machine, inventory, plan, options);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    constexpr std::array<Token, 5> tokens{1, 2, 3, 4, 5};
    const SequenceTokens part{0, 0, tokens};
    Decoder decoder(*model);
    watch.computing({&part, 1}, TokenKind::prompt);
    const auto decoded = decoder.decode({&part, 1});
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    watch.computed();
    ASSERT_EQ(batch.tokens.size(), tokens.size());
    for (std::size_t token = 0; token < tokens.size(); ++token) {
        const bool last_token = token + 1 == tokens.size();
        for (std::size_t layer = 0; layer < header->layers.size(); ++layer) {
            const bool last_layer = layer + 1 == header->layers.size();
            const std::size_t chosen = batch.tokens[token].experts[layer].size();
            EXPECT_TRUE(chosen == header->n_experts_used ||
                        (chosen == 0 && last_layer && !last_token))
                << chosen << " by token " << token << " in layer "
                << header->layers[layer].layer.value();
        }
    }
}

}  // namespace hexcore::test
