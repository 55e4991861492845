/* A system whose syncs succeed and do nothing (LD_PRELOAD): what a power cut test has to see. */
#include <unistd.h>

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}
