// A program to be watched: memory_child MODE MIB FD. It does everything only after a byte came
// through the descriptor FD, so that a test decides when.
//   hold    takes MIB, and keeps them until a byte comes
//   spike   waits for a byte, takes MIB, gives them back at once
//   share   takes MIB, and shares them with a child of its own; both wait for a byte
//   orphan  has a grandchild without a parent hold them; both wait for a byte
// Exits with 7.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

int descriptor = -1;

void wait_for_a_byte() {
    char byte = 0;
    if (::read(descriptor, &byte, 1) != 1) {
        ::_exit(8);
    }
}

void* take(std::size_t bytes) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ::_exit(9);
    }
    std::memset(memory, 1, bytes);
    return memory;
}

void hold(std::size_t bytes) {
    (void)take(bytes);
    wait_for_a_byte();
}

void share(std::size_t bytes) {
    (void)take(bytes);
    const pid_t child = ::fork();
    wait_for_a_byte();
    if (child == 0) {
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
}

void leave_orphan(std::size_t bytes) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::fork() == 0) {
            hold(bytes);
        }
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    wait_for_a_byte();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        return 2;
    }
    const std::string_view mode = argv[1];
    const std::size_t bytes = std::strtoull(argv[2], nullptr, 10) << 20U;
    descriptor = std::atoi(argv[3]);
    if (mode == "hold") {
        hold(bytes);
    } else if (mode == "share") {
        share(bytes);
    } else if (mode == "orphan") {
        leave_orphan(bytes);
    } else {
        wait_for_a_byte();
        ::munmap(take(bytes), bytes);
    }
    return 7;
}
