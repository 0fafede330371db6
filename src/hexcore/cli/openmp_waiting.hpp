#pragma once

namespace hexcore {

/// Lets OpenMP's threads give up their core after a short wait (GOMP_SPINCOUNT), unless the user
/// has set how they wait. libgomp reads that while the program is being loaded, so the program of
/// these arguments is started anew in its own place, and the call does not return. It returns where
/// nothing is to be changed or the program cannot be started again.
void bound_openmp_waiting(char** arguments);

}  // namespace hexcore
