#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "hexcore/api/process_memory.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/process/companion.hpp"
#include "hexcore/report/leftovers.hpp"
#include "hexcore/serve/api_error.hpp"
#include "hexcore/serve/worker_place.hpp"

namespace hexcore {

struct ModelWorkerOptions {
    /// What becomes a worker: it calls end_with_parent(), answers on the loopback address to those
    /// who know the key, and says on stdout what say_ready() or say_failed() would.
    std::filesystem::path program;
    std::string name = {};  ///< what it is told it is (argv[0]); empty: the program's path
    std::vector<std::string> arguments;
    std::string key_variable;  ///< by which it is told the key
    /// Is told of workers that ended, and whether their memory came back.
    std::function<void(std::string_view)> tell = {};
    std::chrono::milliseconds deadline{5'000};  ///< for memory to come back
    std::filesystem::path parking = {};         ///< where it has parked sessions; empty: nowhere
};

/// What a worker gave back with its end.
struct WorkerEnd {
    ResetReport memory = {};
    std::vector<Leftover> parked = {};  ///< what it, or another that died, left; it is removed

    [[nodiscard]] bool clean() const { return memory.clean() && all_ended(parked); }
};

/// A process that has the model, so that its end gives everything back: a driver's context and
/// loaded kernels, too. If it ends by itself, the next request starts another. Safe to use from any
/// thread.
///
/// A thread of its own starts the workers, hears what they say, and waits for their ends; the
/// others wait for it.
class ModelWorker {
public:
    explicit ModelWorker(ModelWorkerOptions options);
    ~ModelWorker();  ///< kills it
    ModelWorker(const ModelWorker&) = delete;
    ModelWorker& operator=(const ModelWorker&) = delete;

    /// Starts the first one and waits until it has loaded. Fails as it did where it says why, and
    /// with ErrorCode::interrupted soon after `stop` is set. One that is killed meanwhile is no
    /// failure: the next is started when it is asked for.
    [[nodiscard]] Result<void> start(const std::atomic<bool>* stop);

    /// Who waits for a worker, from one call to the next.
    struct Wait {
        std::uint64_t number = 0;  ///< of the worker that is waited for; 0: none yet
    };
    /// Where to ask. Starts one if there is none, and waits for it up to `at_most`: nothing, it is
    /// still loading. Fails with 503 where it could not load, or this ends.
    [[nodiscard]] Asked<std::optional<WorkerPlace>> place(Wait& wait,
                                                          std::chrono::milliseconds at_most);
    /// The one that answers now; nothing: there is none.
    [[nodiscard]] std::optional<WorkerPlace> running();
    /// Why that worker is no more, with status 503; waits up to `at_most` for that to be known.
    [[nodiscard]] ApiError why_gone(const WorkerPlace& place, std::chrono::milliseconds at_most);

    /// What the last one that loaded said of its models, see models_json(); empty: none has loaded.
    [[nodiscard]] nlohmann::ordered_json models();
    [[nodiscard]] std::uint64_t starts();

    enum class Ending { in_order, now };
    /// Ends the one that runs, waits for its end, and says whether all came back; nothing: none
    /// ran. Another is started when it is asked for. `why`: a sentence that is told, too. With
    /// `only`, no other than the one with that number.
    std::optional<WorkerEnd> end(Ending ending, std::string why = {},
                                 std::optional<std::uint64_t> only = {});
    /// The same for good, without a proof.
    void end_for_good(Ending ending);

private:
    enum class State { none, loading, ready, ending };
    void run();
    void follow(Companion& worker, ProcessMemory& memory);
    [[nodiscard]] bool hear(const std::string& line);
    [[nodiscard]] std::optional<Ending> asked_to_end();
    [[nodiscard]] bool closes();
    void ends();
    void gone(const Error& how);
    void ended(WorkerEnd end);

    const ModelWorkerOptions options_;
    const std::string key_;
    std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::none;
    bool wanted_ = false;
    bool closing_ = false;
    std::optional<Ending> ending_;
    std::string why_ending_;
    std::uint64_t number_ = 0;   ///< of the worker that was started last
    std::uint64_t n_gone_ = 0;   ///< of the last whose process is no more
    std::uint64_t n_ended_ = 0;  ///< and of which is known whether its memory came back
    std::uint16_t port_ = 0;
    nlohmann::ordered_json models_ = nlohmann::ordered_json::array();
    std::optional<Error> failure_;  ///< why the last one could not load, as it said
    std::string last_end_;          ///< why it is no more: a sentence
    WorkerEnd last_given_back_;
    std::thread thread_;  ///< ends first
};

/// For the worker's side: what a ModelWorker wants to hear on stdout.
[[nodiscard]] std::string say_ready(std::uint16_t port, const nlohmann::ordered_json& models);
[[nodiscard]] std::string say_failed(const Error& error, std::string_view told);

}  // namespace hexcore
