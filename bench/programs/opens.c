/*
 * What opening a file and closing it takes: `opens PATH COUNT` prints `ready`, waits for a line,
 * does it COUNT times and prints the nanoseconds.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: opens PATH COUNT\n", stderr);
        return 2;
    }
    int count = atoi(argv[2]);
    puts("ready");
    fflush(stdout);
    if (getchar() != '\n')
        return 1;

    long long began = nanoseconds();
    for (int i = 0; i < count; i++) {
        int fd = open(argv[1], O_RDONLY);
        if (fd < 0 || close(fd) != 0) {
            perror(argv[1]);
            return 1;
        }
    }
    printf("%lld\n", nanoseconds() - began);
    return 0;
}
