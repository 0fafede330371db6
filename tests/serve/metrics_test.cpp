#include "hexcore/serve/metrics.hpp"

#include <gmock/gmock.h>

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Metrics, CountAnswersAndHowLongTheyTook) {
    Metrics metrics;
    EXPECT_EQ(metrics.seconds_each(), 0);
    Answer answer;
    answer.prompt_tokens = 10;
    answer.reused_tokens = 4;
    answer.generated_tokens = 3;
    answer.waited_seconds = 0.002;
    answer.prompt_seconds = 0.02;
    answer.decode_seconds = 0.04;
    metrics.count_answer(answer);
    EXPECT_DOUBLE_EQ(metrics.seconds_each(), 0.062);
    const std::string text = metrics.text({});
    for (const char* line :
         {"hexcore_answers_total{stop=\"eos\"} 1\n", "hexcore_prompt_tokens_total 10\n",
          "hexcore_cached_tokens_total 4\n", "hexcore_generated_tokens_total 3\n",
          "hexcore_time_to_first_token_seconds_bucket{le=\"0.01\"} 0\n",
          "hexcore_time_to_first_token_seconds_bucket{le=\"0.025\"} 1\n",
          "hexcore_time_to_first_token_seconds_bucket{le=\"+Inf\"} 1\n",
          "hexcore_time_to_first_token_seconds_count 1\n",
          "# TYPE hexcore_token_seconds histogram\n", "hexcore_model_loaded 0\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_THAT(text, Not(HasSubstr("hexcore_sessions ")));
}

TEST(Metrics, ShowWhatIsNow) {
    Metrics metrics;
    metrics.count_request("/v1/completions", 429);
    Metrics::Now now{
        .loaded = true,
        .engine = {
            .waiting = 2, .answering = 1, .cache = {}, .age = std::chrono::milliseconds(1500)}};
    CacheStats& cache = now.engine.cache;
    cache.cells_total = 512;
    cache.devices.push_back({.name = "host0", .cells_used = 7, .high_water = Bytes(9)});
    RunDevice& device = now.devices.emplace_back();
    device.name = "ho\"st";
    device.budget = Bytes(100);
    const std::string text = metrics.text(now);
    EXPECT_THAT(text, HasSubstr("hexcore_requests_waiting 2\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_state_age_seconds 1.5\n"));
    EXPECT_THAT(text, Not(HasSubstr("hexcore_requests_total"))) << "another may count them";
    EXPECT_THAT(metrics.requests_text(),
                HasSubstr("hexcore_requests_total{path=\"/v1/completions\",status=\"429\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_cache_cells_total 512\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_cache_device_cells{device=\"host0\",kind=\"used\"} 7\n"));
    EXPECT_THAT(text,
                HasSubstr("hexcore_cache_device_bytes{device=\"host0\",kind=\"high_water\"} 9\n"));
    EXPECT_THAT(text, HasSubstr("hexcore_device_bytes{device=\"ho\\\"st\",kind=\"budget\"} 100\n"));
    // What nobody measured is left out, not 0.
    EXPECT_THAT(text, Not(HasSubstr("kind=\"measured\"")));
}

TEST(Metrics, ShowTheExpertCacheOfDevicesThatHaveOne) {
    Metrics metrics;
    Metrics::Now now;
    now.loaded = true;
    now.devices.resize(2);
    now.devices[0].name = "cuda:0";
    now.devices[1].name = "host0";
    EXPECT_THAT(metrics.text(now), Not(HasSubstr("expert_cache")));
    now.devices[0].expert_cache = {
        .slots = 12, .lookups = 200, .hits = 150, .uploads = 40, .bytes = Bytes(4000)};
    const std::string text = metrics.text(now);
    for (const char* line :
         {"hexcore_expert_cache_slots{device=\"cuda:0\"} 12\n",
          "hexcore_expert_cache_hits_total{device=\"cuda:0\"} 150\n",
          "hexcore_expert_cache_misses_total{device=\"cuda:0\"} 50\n",
          "hexcore_expert_cache_uploads_total{device=\"cuda:0\"} 40\n",
          "hexcore_expert_cache_uploaded_bytes_total{device=\"cuda:0\"} 4000\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
    EXPECT_THAT(text, Not(HasSubstr("slots{device=\"host0\"}")));
}

TEST(Metrics, TellOfAnAssistantsExpertsAlsoOfThoseThatNobodyAsked) {
    Metrics metrics;
    Metrics::Now now;
    now.loaded = true;
    EXPECT_THAT(metrics.text(now), Not(HasSubstr("expert")));
    metrics.count_question({.experts = {"PLAN", "HEAL"}, .suggested = "HEAL"});
    metrics.count_question({.experts = {"PLAN"}});
    metrics.count_question({.suggested = "HEAL"});
    now.experts = {{.name = "PLAN"}, {"HEAL", 3, true}, {.name = "SING"}};
    const std::string text = metrics.text(now);
    for (const char* line :
         {"hexcore_assistant_questions_total{expert=\"PLAN\"} 2\n",
          "hexcore_assistant_questions_total{expert=\"HEAL\"} 1\n",
          "hexcore_assistant_questions_total{expert=\"SING\"} 0\n",
          "hexcore_assistant_fallbacks_total{expert=\"HEAL\"} 2\n",
          "hexcore_assistant_refused_total 1\n", "hexcore_expert_failures{expert=\"HEAL\"} 3\n",
          "hexcore_expert_out{expert=\"HEAL\"} 1\n", "hexcore_expert_out{expert=\"PLAN\"} 0\n"}) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

}  // namespace
}  // namespace hexcore::test
