#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace hexcore {

/// What a supervisor tells the process that started it, each in a packet of its own.
enum class SupervisorNote : std::uint32_t {
    started,    ///< `pid` is about to be the program; `code` is the supervisor's pid
    not_begun,  ///< `code` is the errno, `stage` what could not be done
    stopped,    ///< by a signal of the terminal; in the foreground
    ended,      ///< `code` is waitpid's status
    residue,    ///< `kind`, `pid`, `bytes`, `name`, `is_gone`
    done,       ///< nothing of it runs any more
};

/// What it could not do before it was the program.
enum class SupervisorStage : std::uint32_t { program, folder, control_group, limits, namespaces };

struct SupervisorMessage {
    SupervisorNote note = SupervisorNote::done;
    std::int32_t pid = 0;
    std::int32_t code = 0;
    SupervisorStage stage = SupervisorStage::program;
    std::uint32_t kind = 0;  ///< a Residue::Kind
    std::uint32_t is_gone = 1;
    std::uint64_t bytes = 0;  ///< of a residue; of an end ru_maxrss in bytes
    std::uint64_t duration_ns = 0;
    std::uint64_t processor_ns = 0;
    std::array<char, 128> name{};  ///< ended by a zero byte
};
static_assert(std::is_trivially_copyable_v<SupervisorMessage> && sizeof(SupervisorMessage) < 512);

/// What it is told. The end of the socket is one more: all of it ends, and its folders are removed.
enum class SupervisorOrder : std::uint32_t {
    ask_to_end,  ///< SIGTERM and SIGCONT to the command's group
    kill,        ///< everything
    signal,      ///< `signal` to the command
    let_go,      ///< it keeps no longer what the command leaves
    drop,        ///< everything, and its folder; the starter, whose groups stay, waits for nothing
};
struct SupervisorRequest {
    SupervisorOrder order = SupervisorOrder::kill;
    std::int32_t signal = 0;
};

/// What one that makes supervisors is told, with two descriptors beside it: the supervisor's
/// socket, and its stdout and stderr. Behind it the texts, each ended by a zero byte.
struct SupervisorOffer {
    std::uint32_t words = 0;
    std::uint32_t variables = 0;
};
/// What it is told about shared memory when it is started: that of all commands is their own, or
/// not.
inline constexpr const char* own_shares_served = "own-shares";
inline constexpr const char* observed_shares_served = "observed-shares";
/// A packet's size; a command with more is started by itself.
inline constexpr std::size_t supervisor_offer_max = 96 * 1024;

}  // namespace hexcore
