/*
 * Writes a file for each function that changes a mode or a time, closes it, and calls that
 * function.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

static void check(int is_well, const char *what) {
  if (is_well) return;
  perror(what);
  exit(1);
}

/* A file that is longer than what travels in a record; returns a descriptor that only reads it. */
static int make(const char *name) {
  static char bytes[10000];
  FILE *file = fopen(name, "w");
  check(file != NULL && fwrite(bytes, sizeof bytes, 1, file) == 1 && fclose(file) == 0, name);
  int fd = open(name, O_RDONLY);
  check(fd >= 0, name);
  return fd;
}

#define AFTER(name, call)             \
  do {                                \
    int fd = make(name);              \
    check((call) == 0, name);         \
    check(close(fd) == 0, name);      \
  } while (0)

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  check(chdir(argv[1]) == 0, "chdir");
  struct utimbuf seconds = {1e9, 1e9};
  struct timeval micros[2] = {{1000000000, 1}, {1000000000, 1}};
  struct timespec nanos[2] = {{1000000000, 1}, {1000000000, 1}};
  AFTER("chmod", chmod("chmod", 0755));
  AFTER("fchmod", fchmod(fd, 0755));
  AFTER("fchmodat", fchmodat(AT_FDCWD, "fchmodat", 0755, 0));
  AFTER("utime", utime("utime", &seconds));
  AFTER("utimes", utimes("utimes", micros));
  AFTER("lutimes", lutimes("lutimes", micros));
  AFTER("futimes", futimes(fd, micros));
  AFTER("futimesat", futimesat(AT_FDCWD, "futimesat", micros));
  AFTER("utimensat", utimensat(AT_FDCWD, "utimensat", nanos, 0));
  AFTER("futimens", futimens(fd, nanos));
  return 0;
}
