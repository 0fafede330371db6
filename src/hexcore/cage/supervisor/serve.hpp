#pragma once

namespace hexcore {

/// Whether supervisors are for commands with namespaces of their own.
enum class ServedShares { own, observed };

/// A process that has supervisors ready, each of which waits for the socket to bring it words, an
/// environment, its socket and where it writes to (SupervisorOffer). Starting a program anew for
/// each costs about 1 ms in virtual machines, most of it the C library asking what processor it is
/// on. Ends with the socket, after its supervisors. Returns the exit code.
[[nodiscard]] int serve_supervisors(int socket, ServedShares shares);

}  // namespace hexcore
