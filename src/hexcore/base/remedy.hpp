#pragma once

#include <cstdint>
#include <string>

namespace hexcore {

/// What whoever gets an error can change. What that is called depends on where they are: at the
/// command line there are options (cli/in_options.hpp), in a program with the plugin its own
/// options and variables of the environment (plugin/in_variables.hpp).
enum class Change {
    raise_budget,       ///< of `device`; of whichever it is where that is empty
    set_budget,         ///< of `device`, to `value`
    raise_each_budget,  ///< by `value`, on each of `count` devices
    lower_reserve,
    add_device,
    fewer_devices,    ///< between 1 and `count` of them
    one_device_each,  ///< several were named at once
    other_device,
    host_device,  ///< a capped host device in place of what is missing
    lower_context,
    raise_context,     ///< to at least `count` tokens, where it is not 0
    set_context,       ///< to `count` tokens
    name_context,      ///< the most to consider
    set_cache_budget,  ///< of the KV cache, to `value`
    lower_sequences,
    set_expert_cache,      ///< to `value`
    set_kv_type,           ///< to `value`
    plain_kv_type,         ///< f16, in place of `value`
    fewer_sequences,       ///< `value` of them, with `count` tokens of context for all together
    set_policy,            ///< to `value`
    set_parking_memory,    ///< to `value` at most
    raise_parking_memory,  ///< from nothing
    set_parking_files,     ///< to `value` at most
    set_state_folder,      ///< of parked sessions, where there is room
    smaller_model,
    give_prompt,
    get_file_again,
    check_values,  ///< looks for weights that are no numbers
    skip_value_check,
    fewer_threads,
    raise_limit,  ///< of the system; `value` names those that can be in the way
    start_server,
    build_for_cuda,
    plan_again,        ///< for this file
    give_plan,         ///< in place of what is no plan
    json_plan,         ///< in place of a document that cannot say this one
    measure_devices,   ///< anew, in place of what was kept in a file
    set_cache_folder,  ///< where measurements are kept
    build_for_llama,   ///< that the program brings along
    fewer_tokens,      ///< at most `count`, to compare
    name_examiner,     ///< of this version, to try out a file
    default_sigchld,   ///< so that the end of a child can be known
    start_as_planned,  ///< the program, with the layers where the plan has them; the last of these
};

struct Remedy {
    Change change;
    std::string device = {};
    std::string value = {};   ///< as settings take it: 320MiB, q8_0
    std::uint64_t count = 0;  ///< tokens or devices
};

}  // namespace hexcore
