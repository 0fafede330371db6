#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/locations.hpp"
#include "hexcore/cli/planning_flags.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/device/server_wait.hpp"
#include "hexcore/plan/profile.hpp"
#include "hexcore/plan/quant_mix.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/process/shipped_file.hpp"
#include "hexcore/report/json_text.hpp"
#include "hexcore/report/plan_accelerate.hpp"
#include "hexcore/report/plan_json.hpp"
#include "hexcore/report/plan_llama_cpp.hpp"
#include "hexcore/report/plan_plugin.hpp"
#include "hexcore/report/plan_svg.hpp"
#include "hexcore/report/plan_table.hpp"

namespace hexcore {
namespace {

struct PlanOptions {
    PlanningFlags planning;
    std::string shape;
    std::string quant;
    std::string format = "table";
    bool plugin = false;
};

Result<Plan> make(const PlanOptions& options) {
    const std::string& model = options.planning.model;
    if (!model.empty() && !options.shape.empty()) {
        return fail(ErrorCode::usage,
                    "both a model file ({}) and --shape {} are given, and a plan is for one of "
                    "them; leave the other out",
                    model, options.shape);
    }
    if (!model.empty() && !options.quant.empty()) {
        return fail(ErrorCode::usage,
                    "--quant {} is for a built-in shape, and the tensors of {} have the types that "
                    "they have; leave it out",
                    options.quant, model);
    }
    if (model.empty() && options.shape.empty()) {
        return fail(ErrorCode::usage, "name either a model file or --shape NAME with --quant TYPE");
    }
    HEXCORE_TRY(planning, options.planning.options());
    if (options.shape.empty()) {
        const Interrupt interrupt(give_up_waiting_on);
        if (options.plugin) {
            planning.reader = Reader::stock_program;
            planning.computing.outputs = options.planning.ubatch;  // of a whole batch
            planning.parking = {};                                 // it parks nothing
        }
        HEXCORE_TRY(planned, PlannedModel::make(planning, interrupt.flag()));
        return planned.plan();
    }
    if (!planning.adapters.empty()) {
        return fail(ErrorCode::usage, "--lora needs a model file, which the adapter is made for");
    }
    if (options.plugin) {
        return fail(ErrorCode::usage, "--plugin plans exactly, which needs a model file");
    }
    if (options.quant.empty()) {
        return fail(ErrorCode::usage, "--shape needs --quant TYPE, for example --quant q4_K");
    }
    return plan_shape(options.shape, options.quant, planning);
}

std::string plugin_path() { return shipped_file(plugin_file).value_or(plugin_file); }

Result<std::string> render(const Plan& plan, const PlanOptions& options) {
    if (options.format == "json") {
        return json_text(plan_json(plan));
    }
    if (options.format == "svg") {
        return plan_svg(plan);
    }
    if (options.format == "llama.cpp" && options.plugin) {
        return plan_plugin(plan,
                           {.model_path = options.planning.model, .plugin_path = plugin_path()});
    }
    if (options.format == "llama.cpp") {
        LlamaCppOptions command;
        command.model_path =
            options.planning.model.empty() ? options.shape + ".gguf" : options.planning.model;
        return plan_llama_cpp(plan, command);
    }
    if (options.format == "accelerate") {
        HEXCORE_TRY(map, plan_accelerate(plan));
        for (const std::string& note : map.notes) {
            print_aside(fmt::format("note: {}\n", printable(note)));
        }
        return json_text(map.device_map);
    }
    return plan_table(plan, stdout_style());
}

int run(const PlanOptions& options) {
    const auto plan = make(options);
    if (!plan) {
        return report_error(plan.error());
    }
    const auto text = render(*plan, options);
    if (!text) {
        return report_error(text.error());
    }
    print(*text);
    return 0;
}

}  // namespace

void add_plan_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand(
        "plan", "says what goes where, to the byte, before anything is allocated");
    command->footer(
        "Examples:\n"
        "  hexcore plan model.gguf --device host=320MiB --device host=320MiB\n"
        "  hexcore plan --shape mixtral-8x7b --quant q4_K --device 16GiB --device 16GiB --fit ctx");
    auto options = std::make_shared<PlanOptions>();
    options->planning.add_to(*command, false);
    options->planning.add_on_full_to(*command);
    options->planning.add_parking_to(*command, PlanningFlags::Sessions::several);
    command->add_option("--shape", options->shape, "a built-in shape in place of a file")
        ->check(CLI::IsMember(shape_names()))
        ->option_text("NAME");
    command
        ->add_option("--quant", options->quant,
                     "type of the shape's matrices (q4_K), or a mix of them (Q4_K_M)")
        ->check(CLI::IsMember(QuantMix::names(), CLI::ignore_case))
        ->option_text("TYPE");
    command->add_option("--format", options->format, "table, json, svg, llama.cpp or accelerate")
        ->check(CLI::IsMember({"table", "json", "svg", "llama.cpp", "accelerate"}))
        ->option_text("NAME");
    command->add_flag("--plugin", options->plugin,
                      "for a program of llama.cpp that loads Hexcore as a plugin; with --format "
                      "llama.cpp its command line");
    command->callback([&action, options] { action = [options] { return run(*options); }; });
}

}  // namespace hexcore
