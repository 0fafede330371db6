#pragma once

namespace hexcore {

/// A process that becomes a supervisor by fork whenever the socket brings words for one, an
/// environment, its socket and where it writes to (SupervisorOffer). Starting a program anew for
/// each costs about 1 ms in virtual machines, most of it the C library asking what processor it is
/// on. Ends with the socket, after its supervisors. Returns the exit code.
[[nodiscard]] int serve_supervisors(int socket);

}  // namespace hexcore
