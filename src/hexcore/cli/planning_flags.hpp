#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/cli/load_shown.hpp"
#include "hexcore/session/conversation.hpp"

namespace CLI {
class App;
}

namespace hexcore {

/// Adds the number of threads that a command computes with.
void add_threads(CLI::App& command, int& threads);

/// The options that plan, run and verify share, as they are typed.
struct PlanningFlags {
    std::string model;
    std::vector<std::string> devices;
    std::string reserve;
    std::string expert_cache;
    std::string context;  ///< tokens, or the size of the cache; empty: not given
    std::uint32_t sequences = 1;
    std::uint32_t ubatch = 512;
    std::string kv_type = "f16";
    bool swa_full = false;
    std::string policy = "balanced";
    std::vector<std::string> adapters;  ///< files, each with a scale behind it or not
    std::string resident;               ///< of commands with assistants: sets of adapters, or bytes
    std::string fit;
    std::string on_full = "stop";  ///< of plan, run and serve
    std::uint32_t keep = 0;        ///< of run and serve
    std::string park_memory;       ///< of these, too; empty: not given
    std::string park_files;
    bool parks = false;        ///< whether there is an ordinary limit, where none is given
    bool verify_data = false;  ///< of run and verify, which load what is planned

    /// Adds them to a command; `model` is its positional argument.
    void add_to(CLI::App& command, bool model_required);
    /// Those without the model.
    void add_placing_to(CLI::App& command);
    /// Adds those of a command that loads what it planned.
    void add_loading_to(CLI::App& command);

    /// Adds what happens when a context is full, which takes room when it slides.
    void add_on_full_to(CLI::App& command);
    /// Adds how much of a session stays when it slides; after the other.
    void add_keep_to(CLI::App& command);

    /// Adds what sessions may take outside the devices when they make room in the cache. Where
    /// there are several, some host memory is for that unless another limit is given.
    enum class Sessions { one, several };
    void add_parking_to(CLI::App& command, Sessions sessions);

    /// Adds how many experts' adapters are there at a time.
    void add_resident_to(CLI::App& command);

    [[nodiscard]] OnFull when_full() const {
        return on_full == "slide" ? OnFull::slide : OnFull::stop;
    }
    [[nodiscard]] DataCheck data_check() const {
        return verify_data ? DataCheck::values : DataCheck::none;
    }
    /// What they ask for, with this program as the examiner. Fails with ErrorCode::usage where one
    /// is no size or name.
    [[nodiscard]] Result<PlanningOptions> options() const;

private:
    [[nodiscard]] Result<ParkingWish> parking() const;
};

}  // namespace hexcore
