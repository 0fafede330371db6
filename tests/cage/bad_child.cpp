// A program that a cage has to cope with: bad_child MODE [NUMBER] [FD]. Where FD is given, a byte
// is written to it once it has done what the mode says.
#include <fcntl.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <string>

namespace {

int number = 0;
int descriptor = -1;

void ready() {
    if (descriptor >= 0) {
        (void)!::write(descriptor, "r", 1);
    }
}

[[noreturn]] void stay() {
    ready();
    while (true) {
        ::pause();
    }
}

void take(std::size_t mib) {
    const std::size_t bytes = mib << 20U;
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ::_exit(9);
    }
    std::memset(memory, 1, bytes);
}

void take_slowly() {
    for (int mib = 0; mib < number; ++mib) {
        take(1);
        ::usleep(1000);
    }
}

/// Ends the process at hand; a grandchild in a session of its own goes on.
void become_daemon() {
    if (::fork() != 0) {
        ::_exit(0);
    }
    ::setsid();
    if (::fork() != 0) {
        ::_exit(0);
    }
}

void ignore_all() {
    for (int signal = 1; signal < NSIG; ++signal) {
        ::signal(signal, SIG_IGN);
    }
}

void leave_daemons() {
    for (int i = 0; i < number; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            become_daemon();
            ignore_all();
            if (i % 2 == 1) {
                ::raise(SIGSTOP);
            }
            stay();
        }
        ::waitpid(child, nullptr, 0);
    }
}

/// Leaves a daemon at a time, and says so each time.
[[noreturn]] void go_on() {
    for (int i = 0; i < number; ++i) {
        if (::fork() == 0) {
            become_daemon();
            ignore_all();
            if (i % 2 == 1) {
                ::raise(SIGSTOP);
            }
            while (true) {
                ::pause();
            }
        }
        ready();
    }
    stay();
}

/// Each process starts others as fast as it can, `number` of them in all.
void fork_on() {
    void* shared = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto* left = new (shared) std::atomic<int>(number);
    ready();
    while (left->fetch_sub(1) > 0) {
        if (::fork() < 0) {
            left->fetch_add(1);
        }
    }
    while (true) {
        ::pause();
    }
}

/// Each child starts the next and ends: nobody is there for long.
void run_away() {
    ready();
    while (true) {
        if (::fork() != 0) {
            ::_exit(0);
        }
    }
}

void kill_parent() {
    const pid_t parent = ::getppid();
    ::kill(parent, SIGKILL);
    while (::getppid() == parent) {
        ::usleep(100);
    }
}

void leave_shared_memory() {
    const std::string name = "/hexcore-bad-" + std::to_string(::getpid());
    const int file = ::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    const std::size_t bytes = std::size_t{1} << 20U;
    if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes)) != 0) {
        ::_exit(9);
    }
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    std::memset(memory, 1, bytes);
    if (number > 0) {
        stay();
    }
}

void leave_segment() {
    const int id = ::shmget(IPC_PRIVATE, std::size_t{1} << 20U, IPC_CREAT | 0600);
    void* memory = ::shmat(id, nullptr, 0);
    std::memset(memory, 1, std::size_t{1} << 20U);
    if (number > 0) {
        stay();
    }
}

void leave_file() {
    const char* folder = std::getenv("TMPDIR");
    std::FILE* file = std::fopen((std::string(folder) + "/left behind").c_str(), "w");
    const std::string text(100'000, 'x');
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
}

[[noreturn]] void say_on() {
    const std::string text(65536, 'y');
    while (true) {
        (void)!::write(STDOUT_FILENO, text.data(), text.size());
    }
}

void close_all() {
    for (int file = 0; file < 1024; ++file) {
        ::close(file);
    }
}

void rename_itself() {
    ::prctl(PR_SET_NAME, "it) is S 1 2 (me");
    become_daemon();
    stay();
}

/// So that one process is left by the time that its supervisor was killed.
void kill_all_above() {
    kill_parent();
    kill_parent();
    stay();
}

/// Its parent's parent.
pid_t supervisor() {
    pid_t found = -1;
    const std::string name = "/proc/" + std::to_string(::getppid()) + "/stat";
    if (std::FILE* file = std::fopen(name.c_str(), "r"); file != nullptr) {
        (void)!std::fscanf(file, "%*d (%*[^)]) %*c %d", &found);
        std::fclose(file);
    }
    return found;
}

[[noreturn]] void stop_supervisor_on() {
    const pid_t above = supervisor();
    if (above <= 1) {
        ::_exit(9);
    }
    ::kill(above, SIGSTOP);
    ready();
    for (int i = 0; i < number && ::fork() != 0; ++i) {
    }
    while (true) {
        ::kill(above, SIGSTOP);
    }
}

const std::map<std::string, std::function<void()>> modes{
    {"exit", [] { ::_exit(number); }},
    {"signal", [] { ::raise(number); }},
    {"hold",
     [] {
         take(static_cast<std::size_t>(number));
         stay();
     }},
    {"take", [] { take(static_cast<std::size_t>(number)); }},
    {"take-slowly", take_slowly},
    {"deaf",
     [] {
         ignore_all();
         stay();
     }},
    {"stay", stay},
    {"daemons", leave_daemons},
    {"bomb", fork_on},
    {"go-on", go_on},
    {"run-away", run_away},
    {"stop", [] { ::raise(SIGSTOP); }},
    {"stop-parent", [] { ::kill(::getppid(), SIGSTOP); }},
    {"stop-supervisor-on", stop_supervisor_on},
    {"kill-parent", kill_parent},
    {"kill-all-above", kill_all_above},
    {"kill-parent-and-stay",
     [] {
         kill_parent();
         stay();
     }},
    {"shared-memory", leave_shared_memory},
    {"segment", leave_segment},
    {"file", leave_file},
    {"say-on", say_on},
    {"close-all", close_all},
    {"rename", rename_itself},
};

}  // namespace

int main(int argc, char** argv) {
    const auto mode = argc > 1 ? modes.find(argv[1]) : modes.end();
    if (mode == modes.end()) {
        return 99;
    }
    number = argc > 2 ? std::atoi(argv[2]) : 0;
    if (argc > 3) {
        descriptor = argv[3][0] == '/' ? ::open(argv[3], O_WRONLY) : std::atoi(argv[3]);
    }
    mode->second();
    ready();
    return mode->first == "kill-parent" || mode->first == "stop-parent" ? 5 : 0;
}
