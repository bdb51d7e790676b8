/* A probe produces or consumes one file by the calls that it is named after. */
#ifndef PROBE_H
#define PROBE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

void produce(const char *path);
void consume(const char *path);

/* Ends the probe, and tells why by name and by errno's number. */
static inline void fail(const char *what) {
  fprintf(stderr, "%s: %d\n", what, errno);
  fflush(stderr);
  _exit(100);
}

#define CHECK(what, condition) ((condition) ? (void)0 : fail(what))

/* What is written to the file of a path. */
static inline const char *text_of(const char *path) {
  static char text[PATH_MAX + 32];
  const char *name = strrchr(path, '/');
  snprintf(text, sizeof text, "the text of %s\n", name ? name + 1 : path);
  return text;
}

static inline void write_text(int fd, const char *path) {
  const char *text = text_of(path);
  ssize_t length = (ssize_t)strlen(text);
  CHECK("write", write(fd, text, (size_t)length) == length);
}

/* Copies the rest of a descriptor to the output. */
static inline void show(int fd) {
  char bytes[65536];
  ssize_t length;
  while ((length = read(fd, bytes, sizeof bytes)) > 0)
    CHECK("write of the output", write(1, bytes, (size_t)length) == length);
  CHECK("read", length == 0);
}

static inline void show_file(const char *path) {
  int fd = open(path, O_RDONLY);
  CHECK("open", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}

static inline void make_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

/* The directory of a path, open; and the name in it. */
static inline int directory_of(const char *path, const char **name) {
  char directory[PATH_MAX];
  snprintf(directory, sizeof directory, "%s", path);
  char *slash = strrchr(directory, '/');
  *slash = 0;
  *name = strrchr(path, '/') + 1;
  int fd = open(directory, O_RDONLY | O_DIRECTORY);
  CHECK("open of the directory", fd >= 0);
  return fd;
}

#ifndef PROBE_HAS_MAIN
int main(int argc, char **argv) {
  if (argc != 3) return 101;
  if (strcmp(argv[1], "produce") == 0) produce(argv[2]);
  else consume(argv[2]);
  return 0;
}
#endif
#endif
