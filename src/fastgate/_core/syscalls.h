/* Numbers that older kernel headers lack. They are the same on all processors since Linux 5. */
#ifndef FASTGATE_SYSCALLS_H
#define FASTGATE_SYSCALLS_H

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#endif
