/*
 * One TCP stream over loopback into a file: the most that a program without a protocol reaches on
 * this machine.
 *
 *   tcp-stream BYTES FILE [FROM]
 *
 * A child process sends BYTES from one buffer that stays in the cache. This process receives them
 * into another buffer and writes them to FILE, which must not exist. It prints the nanoseconds from
 * the first read to the last write.
 *
 * With FROM it does all that moving a file between two nodes and reading it takes: the child reads
 * FROM again and again and sends it, and this process copies the bytes that it has
 * written to where an application would read them.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1024 * 1024 };

/*
 * What both ends fill and empty in turns when the bytes come from a file; it stays in the cache of
 * a core.
 */
enum { PIECE_BYTES = 64 * 1024 };

static char buffer[BUFFER_BYTES];
static char application[PIECE_BYTES];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static long long nanoseconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        fail("clock_gettime");
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void write_fully(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written <= 0)
            fail("write");
        bytes += written;
        count -= (size_t)written;
    }
}

static size_t fill(int from, size_t most)
{
    ssize_t got = read(from, buffer, most);
    if (got == 0 && lseek(from, 0, SEEK_SET) == 0)
        got = read(from, buffer, most);
    if (got <= 0)
        fail("read");
    return (size_t)got;
}

static void send_from_child(const struct sockaddr_in *address, long long bytes, const char *path, size_t piece)
{
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child > 0)
        return;
    int out = socket(AF_INET, SOCK_STREAM, 0);
    if (out < 0 || connect(out, (const struct sockaddr *)address, sizeof *address) != 0)
        fail("connect");
    memset(buffer, 'd', sizeof buffer);
    int from = path == NULL ? -1 : open(path, O_RDONLY);
    if (path != NULL && from < 0)
        fail(path);
    for (long long left = bytes; left > 0;) {
        size_t part = left < (long long)piece ? (size_t)left : piece;
        if (from >= 0)
            part = fill(from, part);
        write_fully(out, buffer, part);
        left -= (long long)part;
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fputs("usage: tcp-stream BYTES FILE [FROM]\n", stderr);
        return 2;
    }
    long long bytes = atoll(argv[1]);
    const char *from = argc == 4 ? argv[3] : NULL;
    size_t piece = from == NULL ? BUFFER_BYTES : PIECE_BYTES;

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        fail("listen");
    send_from_child(&address, bytes, from, piece);

    int in = accept(listener, NULL, NULL);
    if (in < 0)
        fail("accept");
    int file = open(argv[2], O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (file < 0)
        fail(argv[2]);

    long long began = nanoseconds();
    long long arrived = 0;
    for (;;) {
        ssize_t got = read(in, buffer, piece);
        if (got < 0)
            fail("read");
        if (got == 0)
            break;
        write_fully(file, buffer, (size_t)got);
        if (from != NULL)
            memcpy(application, buffer, (size_t)got);
        arrived += got;
    }
    long long took = nanoseconds() - began;

    int status = 0;
    if (wait(&status) < 0 || status != 0 || arrived != bytes) {
        fprintf(stderr, "%lld of %lld bytes arrived\n", arrived, bytes);
        return 1;
    }
    printf("%lld\n", took);
    return 0;
}
