#include "hexcore/base/told.hpp"

#include <iterator>
#include <utility>

namespace hexcore {
namespace {

/// In the order of Change.
constexpr std::pair<Change, const char*> changes[] = {
    {Change::raise_budget, "give {device} a larger budget"},
    {Change::set_budget, "a budget of {value} for {device}"},
    {Change::raise_each_budget, "{value} more on each of the {count} devices"},
    {Change::lower_reserve, "lower the reserve"},
    {Change::add_device, "add a device"},
    {Change::fewer_devices, "give 1 to {count}"},
    {Change::one_device_each, "name each by itself"},
    {Change::other_device, "name another device"},
    {Change::host_device, "use a capped host device"},
    {Change::lower_context, "lower the context"},
    {Change::raise_context, "raise the context to at least {count}"},
    {Change::set_context, "{count} tokens of context"},
    {Change::name_context, "give the most to consider"},
    {Change::set_cache_budget, "a KV cache of {value}"},
    {Change::lower_sequences, "fewer sequences"},
    {Change::set_expert_cache, "an expert cache of {value}"},
    {Change::set_kv_type, "a KV cache in {value}"},
    {Change::plain_kv_type, "use f16"},
    {Change::fewer_sequences, "{value} sequences with {count} tokens of context"},
    {Change::set_policy, "policy {value}"},
    {Change::set_parking_memory, "{value} of host memory for parked sessions"},
    {Change::raise_parking_memory, "let them be parked in host memory, too"},
    {Change::set_parking_files, "{value} of files for parked sessions"},
    {Change::set_state_folder, "set XDG_STATE_HOME to a folder with more room"},
    {Change::smaller_model, "use a smaller model"},
    {Change::give_prompt, "give a text"},
    {Change::get_file_again, "get it again"},
    {Change::check_values, "a load that verifies the data looks for weights that are NaN"},
    {Change::skip_value_check, "load it without verifying its data"},
    {Change::fewer_threads, "take fewer"},
    {Change::raise_limit, "raise the limit that is in the way ({value})"},
    {Change::start_server, "start ggml-rpc-server on that machine"},
    {Change::build_for_cuda, "build with the preset cuda on a machine with the CUDA toolkit"},
    {Change::plan_again, "plan again for this file"},
    {Change::give_plan, "a plan is a document hexcore.plan/1"},
    {Change::json_plan, "take the plan as JSON"},
    {Change::measure_devices, "measure again or delete the file"},
    {Change::set_cache_folder, "keep measurements in a folder that can be written"},
    {Change::build_for_llama, "build Hexcore against the program's own llama.cpp"},
    {Change::fewer_tokens, "compare at most {count}"},
    {Change::name_examiner, "name the program hexcore of this version as the examiner"},
    {Change::default_sigchld, "give SIGCHLD its default action"},
    {Change::start_as_planned, "start the program with its layers where the plan has them"},
};

constexpr bool has_each_change() {
    for (std::size_t i = 0; i < std::size(changes); ++i) {
        if (changes[i].first != static_cast<Change>(i)) {
            return false;
        }
    }
    return std::size(changes) == static_cast<std::size_t>(Change::start_as_planned) + 1;
}
static_assert(has_each_change());

const char* told_anywhere(const Remedy& remedy) {
    if (remedy.change == Change::raise_budget && remedy.device.empty()) {
        return "raise the budget";
    }
    if (remedy.change == Change::raise_context && remedy.count == 0) {
        return "raise the context";
    }
    return changes[static_cast<std::size_t>(remedy.change)].second;
}

std::string told_of(const Remedy& remedy, Wording wording) {
    const char* pattern = wording == nullptr ? nullptr : wording(remedy);
    return fmt::format(fmt::runtime(pattern == nullptr ? told_anywhere(remedy) : pattern),
                       fmt::arg("device", remedy.device), fmt::arg("value", remedy.value),
                       fmt::arg("count", remedy.count));
}

}  // namespace

std::string told(const Error& error, Wording wording) {
    std::string text = error.message;
    const std::size_t n = error.remedies.size();
    for (std::size_t i = 0; i < n; ++i) {
        if (i == 0) {
            text += error.proven ? "; any one of these makes it fit: " : "; ";
        } else {
            text += i + 1 == n && !error.proven ? " or " : ", ";
        }
        text += told_of(error.remedies[i], wording);
    }
    return text + error.aftermath;
}

}  // namespace hexcore
