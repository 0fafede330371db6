#include "hexcore/cli/in_options.hpp"

namespace hexcore {

const char* in_options(const Remedy& remedy) {
    switch (remedy.change) {
        case Change::raise_budget:
            return remedy.device.empty() ? nullptr : "give {device} a larger --device budget";
        case Change::lower_reserve:
            return "lower --reserve";
        case Change::add_device:
            return "add a --device";
        case Change::fewer_devices:
            return "give 1 to {count} with --device";
        case Change::one_device_each:
            return "repeat it: --device host=320MiB --device host=320MiB";
        case Change::other_device:
            return "name another --device";
        case Change::host_device:
            return "use --device host=SIZE";
        case Change::lower_context:
            return "lower --ctx";
        case Change::raise_context:
            return remedy.count == 0 ? "raise --ctx" : "raise --ctx to at least {count}";
        case Change::set_context:
            return "--ctx {count}";
        case Change::name_context:
            return "give the most to consider with --ctx";
        case Change::set_cache_budget:
            return "--ctx {value}";
        case Change::lower_sequences:
            return "lower --sequences";
        case Change::set_expert_cache:
            return "--expert-cache {value}";
        case Change::set_kv_type:
            return "--kv-type {value}";
        case Change::plain_kv_type:
            return "leave --kv-type {value} out";
        case Change::fewer_sequences:
            return "--sequences {value} --ctx {count}";
        case Change::set_policy:
            return "--policy {value}";
        case Change::set_parking_memory:
            return "--park-memory {value}";
        case Change::raise_parking_memory:
            return "give --park-memory, too";
        case Change::set_parking_files:
            return "--park-files {value}";
        case Change::give_prompt:
            return "give -p TEXT or --file FILE";
        case Change::check_values:
            return "--verify-data looks for weights that are NaN";
        case Change::skip_value_check:
            return "load it without --verify-data";
        case Change::fewer_threads:
            return "take fewer (--threads)";
        case Change::give_plan:
            return "a plan is what hexcore plan MODEL --format json writes";
        case Change::json_plan:
            return "use --format json";
        case Change::measure_devices:
            return "measure again with hexcore devices --measure, or delete the file";
        case Change::fewer_tokens:
            return "compare at most --tokens {count}";
        case Change::set_cache_folder:
            return "set HEXCORE_CACHE to a folder that can be written";
        default:
            return nullptr;  // told the same everywhere
    }
}

}  // namespace hexcore
