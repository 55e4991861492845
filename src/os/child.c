#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLEAR_DESCRIPTORS 16
#define CANNOT_START      127

enum gw_status gw_child_self(char *path, size_t size)
{
    ssize_t used = readlink("/proc/self/exe", path, size - 1);
    if (used < 0)
        return GW_OS_ERROR;
    path[used] = '\0';
    return GW_OK;
}

/* In the child: only what may be called between fork and exec. */
static void become(const char *const *argv, int output, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGINT, SIG_IGN); /* a Ctrl-C on the terminal is for the parent, which ends us */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = getppid() == parent && input >= 0 && dup2(input, STDIN_FILENO) >= 0 &&
                 dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0;
    /* execv takes the words as changeable by an accident of history (POSIX, rationale of exec) */
    union {
        const char *const *in;
        char *const *out;
    } words = {argv};
    if (ready)
        execv(argv[0], words.out);
    _exit(CANNOT_START);
}

enum gw_status gw_child_start(struct gw_child *child, const char *const *argv,
                              const char *output_path, int *ret_errno)
{
    int output = open(output_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    pid_t parent = getpid();
    pid_t pid = output >= 0 ? fork() : -1;
    *ret_errno = errno;
    if (pid == 0)
        become(argv, output, parent);
    if (output >= 0)
        close(output);
    child->pid = pid > 0 ? pid : 0;
    return pid > 0 ? GW_OK : GW_OS_ERROR;
}

/* Waits for the end of a child, repeating what a signal interrupted; true if it ended. */
static bool take(struct gw_child *child, int options)
{
    pid_t ended;
    do {
        ended = waitpid((pid_t)child->pid, NULL, options);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0)
        return false;
    child->pid = 0;
    return true;
}

bool gw_child_running(struct gw_child *child)
{
    return child->pid > 0 && !take(child, WNOHANG);
}

void gw_child_kill(struct gw_child *child)
{
    if (child->pid <= 0)
        return;
    (void)kill((pid_t)child->pid, SIGKILL);
    (void)take(child, 0);
}

bool gw_child_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int clear_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

enum gw_status gw_child_clear(const char *path)
{
    return nftw(path, clear_one, CLEAR_DESCRIPTORS, FTW_DEPTH | FTW_PHYS) == 0 ? GW_OK
                                                                               : GW_OS_ERROR;
}
