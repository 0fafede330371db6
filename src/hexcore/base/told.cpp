#include "hexcore/base/told.hpp"

namespace hexcore {
namespace {

const char* told_anywhere(const Remedy& remedy) {
    switch (remedy.change) {
        case Change::raise_budget:
            return remedy.device.empty() ? "raise the budget" : "give {device} a larger budget";
        case Change::set_budget:
            return "a budget of {value} for {device}";
        case Change::raise_each_budget:
            return "{value} more on each of the {count} devices";
        case Change::lower_reserve:
            return "lower the reserve";
        case Change::add_device:
            return "add a device";
        case Change::fewer_devices:
            return "give 1 to {count}";
        case Change::one_device_each:
            return "name each by itself";
        case Change::other_device:
            return "name another device";
        case Change::host_device:
            return "use a capped host device";
        case Change::lower_context:
            return "lower the context";
        case Change::raise_context:
            return remedy.count == 0 ? "raise the context"
                                     : "raise the context to at least {count}";
        case Change::set_context:
            return "{count} tokens of context";
        case Change::name_context:
            return "give the most to consider";
        case Change::set_kv_type:
            return "a KV cache in {value}";
        case Change::plain_kv_type:
            return "use f16";
        case Change::fewer_sequences:
            return "{value} sequences with {count} tokens of context";
        case Change::set_policy:
            return "policy {value}";
        case Change::smaller_model:
            return "use a smaller model";
        case Change::give_prompt:
            return "give a text";
        case Change::get_file_again:
            return "get it again";
        case Change::check_values:
            return "a load that verifies the data looks for weights that are NaN";
        case Change::skip_value_check:
            return "load it without verifying its data";
        case Change::fewer_threads:
            return "take fewer";
        case Change::raise_limit:
            return "raise the limit that is in the way ({value})";
        case Change::start_server:
            return "start ggml-rpc-server on that machine";
        case Change::build_for_cuda:
            return "build with the preset cuda on a machine with the CUDA toolkit";
        case Change::plan_again:
            return "plan again for this file";
        case Change::start_as_planned:
            return "start the program as `hexcore plan --plugin --format llama.cpp` prints";
    }
    return "";
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
