#pragma once

#include <cstdint>

#include "hexcore/runtime/decoder.hpp"

namespace hexcore {

/// How the next token is chosen, by llama.cpp's samplers, in this order.
struct SamplingOptions {
    std::int32_t repeat_last_n = 64;  ///< tokens that the penalties look back; 0: none
    float repeat_penalty = 1;         ///< divides the logits of tokens that were there; 1: none
    float frequency_penalty = 0;      ///< off the logit for each time that a token was there
    float presence_penalty = 0;       ///< off the logit of a token that was there
    /// Off the logit of a token that would go on with a repetition (DRY), times dry_base for each
    /// token that it is longer than allowed; 0: none. Line ends, colons, quotation marks and
    /// asterisks end a repetition.
    float dry_multiplier = 0;
    float dry_base = 1.75F;
    std::int32_t dry_allowed_length = 2;
    std::int32_t dry_last_n = 64;     ///< tokens in which repetitions are looked for
    float top_n_sigma = 0;            ///< standard deviations below the best logit; 0: all
    std::int32_t top_k = 40;          ///< 0: all
    float typical_p = 1;              ///< locally typical sampling; 1: all
    float top_p = 0.95F;              ///< 1: all
    float min_p = 0.05F;              ///< 0: all
    float xtc_probability = 0;        ///< of leaving out all but the last of the best; 0: never
    float xtc_threshold = 0.1F;       ///< what counts as one of the best there
    float temperature = 0.8F;         ///< 0: always the most likely token
    float dynatemp_range = 0;         ///< temperatures that far from it, the higher the less sure
    float dynatemp_exponent = 1;      ///< how unsureness becomes temperature
    std::uint32_t seed = 0xFFFFFFFF;  ///< the default: another one each time

    /// 1 or 2: that version of Mirostat, which keeps to an entropy, in place of all the others but
    /// the temperature.
    std::int32_t mirostat = 0;
    float mirostat_entropy = 5;
    float mirostat_rate = 0.1F;  ///< how fast it gets there
};

/// A value that is added to a token's logit before it is chosen from.
struct LogitBias {
    Token token = 0;
    float bias = 0;
};

}  // namespace hexcore
