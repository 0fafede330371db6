#include "hexcore/cli/sampling_flags.hpp"

#include "hexcore/cli/option_value.hpp"

namespace hexcore {
namespace {

void add_penalties(CLI::App& command, SamplingOptions& sampling) {
    command
        .add_option("--repeat-penalty", sampling.repeat_penalty,
                    "divides the logits of tokens that were there; 1: none")
        ->check(number_between(1e-6, 1e6))
        ->option_text("F");
    command
        .add_option("--repeat-last-n", sampling.repeat_last_n,
                    "tokens that penalties look back; -1: all")
        ->transform(count_or_all())
        ->option_text("N");
    command
        .add_option("--frequency-penalty", sampling.frequency_penalty,
                    "off a token's logit for each time that it was there")
        ->check(number_between(-1e6, 1e6))
        ->option_text("F");
    command
        .add_option("--presence-penalty", sampling.presence_penalty,
                    "off the logit of a token that was there")
        ->check(number_between(-1e6, 1e6))
        ->option_text("F");
    command
        .add_option("--dry-multiplier", sampling.dry_multiplier,
                    "off the logit of a token that goes on with a repetition; 0: none")
        ->check(number_between(0, 1e6))
        ->option_text("F");
    command
        .add_option("--dry-base", sampling.dry_base,
                    "that many times more for each token of it that is not allowed")
        ->check(number_between(1, 1e6))
        ->option_text("F");
    command
        .add_option("--dry-allowed-length", sampling.dry_allowed_length,
                    "tokens that may be repeated")
        ->check(whole_between(0, 1U << 30U))
        ->option_text("N");
    command
        .add_option("--dry-penalty-last-n", sampling.dry_last_n,
                    "tokens in which repetitions are looked for; -1: all")
        ->transform(count_or_all())
        ->option_text("N");
}

void add_truncations(CLI::App& command, SamplingOptions& sampling) {
    command
        .add_option("--top-nsigma", sampling.top_n_sigma,
                    "leave out tokens so many standard deviations below the best; 0: none")
        ->check(number_between(0, 1e6))
        ->option_text("F");
    command.add_option("--top-k", sampling.top_k, "choose among the K most likely; 0: all")
        ->check(whole_between(0, 1U << 30U))
        ->option_text("K");
    command.add_option("--typical", sampling.typical_p, "locally typical sampling; 1: all")
        ->check(number_between(0, 1))
        ->option_text("P");
    command.add_option("--top-p", sampling.top_p, "choose among tokens of this total probability")
        ->check(number_between(0, 1))
        ->option_text("P");
    command.add_option("--min-p", sampling.min_p, "leave out tokens below this part of the best")
        ->check(number_between(0, 1))
        ->option_text("P");
    command
        .add_option("--xtc-probability", sampling.xtc_probability,
                    "how often all but the last of the best tokens are left out; 0: never")
        ->check(number_between(0, 1))
        ->option_text("P");
    command
        .add_option("--xtc-threshold", sampling.xtc_threshold,
                    "what counts as one of the best there")
        ->check(number_between(0, 1))
        ->option_text("P");
}

void add_choice(CLI::App& command, SamplingOptions& sampling) {
    command.add_option("--temp", sampling.temperature, "temperature; 0: the most likely token")
        ->check(number_between(0, 100))
        ->option_text("T");
    command
        .add_option("--dynatemp-range", sampling.dynatemp_range,
                    "how far the temperature goes down and up, the less sure the model is the "
                    "higher; 0: it stays")
        ->check(number_between(0, 100))
        ->option_text("F");
    command
        .add_option("--dynatemp-exp", sampling.dynatemp_exponent,
                    "how unsure the model has to be for that")
        ->check(number_between(0, 1e6))
        ->option_text("F");
    command
        .add_option("--mirostat", sampling.mirostat,
                    "1 or 2: that version of Mirostat, in place of all but --temp; 0: none")
        ->check(whole_between(0, 2))
        ->option_text("N");
    command.add_option("--mirostat-ent", sampling.mirostat_entropy, "the entropy that it keeps to")
        ->check(number_between(0, 1e6))
        ->option_text("F");
    command.add_option("--mirostat-lr", sampling.mirostat_rate, "how fast it gets there")
        ->check(number_between(0, 1))
        ->option_text("F");
    command
        .add_option("-s,--seed", sampling.seed,
                    "of the choice; the same seed, the same text (default: -1, another one each "
                    "time)")
        ->transform(seed_or_random(SamplingOptions{}.seed))
        ->option_text("S");
}

}  // namespace

void add_sampling(CLI::App& command, SamplingOptions& sampling) {
    add_penalties(command, sampling);
    add_truncations(command, sampling);
    add_choice(command, sampling);
}

}  // namespace hexcore
