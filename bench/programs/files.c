/*
 * A program that knows nothing of DYAD: it makes files, or reads them, by fopen, fwrite, fread and
 * fclose.
 *
 *   files produce DIRECTORY GROUP COUNT BYTES        makes COUNT files of BYTES, one by one
 *   files consume DIRECTORY GROUP COUNT BYTES        reads them, and checks every byte
 *   files produce-each DIRECTORY GROUP COUNT BYTES   makes one file for each line of stdin
 *   files consume-each DIRECTORY GROUP COUNT BYTES   says `open` before each open
 *
 * It prints `ready` and waits for a line. The first two then print when they began and when they
 * ended; the others print, for each file, when fclose was called, or when fopen returned. All times
 * are nanoseconds of the kernel's monotonic clock, which processes share.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { BLOCK_BYTES = 1024 * 1024, PIECE_BYTES = 128 * 1024 };

/* Bytes that look random; twice a block, so that a block may begin anywhere in the first half. */
static unsigned char pattern[2 * BLOCK_BYTES];
static unsigned char piece[PIECE_BYTES];

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

static void make_pattern(void)
{
    uint32_t state = 1;
    for (size_t at = 0; at < BLOCK_BYTES; at += sizeof state) {
        state = state * 1664525u + 1013904223u;
        memcpy(pattern + at, &state, sizeof state);
    }
    memcpy(pattern + BLOCK_BYTES, pattern, BLOCK_BYTES);
}

/*
 * Where the bytes of a file begin in the pattern: they follow from its name, so that no file passes
 * for another.
 */
static size_t place_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return hash % BLOCK_BYTES;
}

struct file {
    char path[4096];
    size_t place;
    size_t bytes;
};

static void name_file(struct file *file, char **args, int number, size_t bytes)
{
    int length = snprintf(file->path, sizeof file->path, "%s/%s/frame-%06d.dat", args[0], args[1], number);
    if (length < 0 || (size_t)length >= sizeof file->path) {
        fprintf(stderr, "the path of %s/%s is too long\n", args[0], args[1]);
        exit(1);
    }
    file->place = place_of(file->path + strlen(args[0]));
    file->bytes = bytes;
}

static const unsigned char *bytes_at(const struct file *file, size_t offset)
{
    return pattern + (file->place + offset) % BLOCK_BYTES;
}

static size_t piece_at(const struct file *file, size_t offset)
{
    size_t left = file->bytes - offset;
    return left < PIECE_BYTES ? left : PIECE_BYTES;
}

/* Returns when fclose was called. */
static long long produce(const struct file *file)
{
    FILE *out = fopen(file->path, "w");
    if (out == NULL)
        fail(file->path);
    for (size_t at = 0; at < file->bytes; at += PIECE_BYTES) {
        size_t count = piece_at(file, at);
        if (fwrite(bytes_at(file, at), 1, count, out) != count)
            fail(file->path);
    }
    long long closed = nanoseconds();
    if (fclose(out) != 0)
        fail(file->path);
    return closed;
}

/* Returns when fopen returned. */
static long long consume(const struct file *file)
{
    FILE *in = fopen(file->path, "r");
    long long opened = nanoseconds();
    if (in == NULL)
        fail(file->path);
    for (size_t at = 0; at < file->bytes; at += PIECE_BYTES) {
        size_t count = piece_at(file, at);
        if (fread(piece, 1, count, in) != count || memcmp(piece, bytes_at(file, at), count) != 0) {
            fprintf(stderr, "%s: wrong bytes at %zu\n", file->path, at);
            exit(1);
        }
    }
    if (fgetc(in) != EOF) {
        fprintf(stderr, "%s: more than %zu bytes\n", file->path, file->bytes);
        exit(1);
    }
    if (fclose(in) != 0)
        fail(file->path);
    return opened;
}

static void await_line(void)
{
    int character;
    do {
        character = getchar();
        if (character == EOF)
            exit(1);
    } while (character != '\n');
}

static void say(const char *line)
{
    if (puts(line) == EOF || fflush(stdout) != 0)
        fail("stdout");
}

static void say_time(long long time)
{
    char line[32];
    snprintf(line, sizeof line, "%lld", time);
    say(line);
}

/*
 * A consumer makes it as well: DYAD's wrapper opens a file for what it fetches, and makes no
 * directories.
 */
static void make_group(char **args)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", args[0], args[1]);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail(path);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: files produce|consume|produce-each|consume-each DIRECTORY GROUP COUNT BYTES\n", stderr);
        return 2;
    }
    const char *what = argv[1];
    char **args = argv + 2;
    int count = atoi(argv[4]);
    size_t bytes = strtoull(argv[5], NULL, 10);
    int produces = strncmp(what, "produce", strlen("produce")) == 0;
    int each = strstr(what, "-each") != NULL;

    make_pattern();
    make_group(args);
    say("ready");
    await_line();

    long long began = nanoseconds();
    for (int number = 1; number <= count; number++) {
        struct file file;
        name_file(&file, args, number, bytes);
        if (each && produces)
            await_line();
        else if (each)
            say("open");
        long long time = produces ? produce(&file) : consume(&file);
        if (each)
            say_time(time);
    }
    if (!each) {
        say_time(began);
        say_time(nanoseconds());
    }
    return 0;
}
