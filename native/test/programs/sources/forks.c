/*
 * Forks two children. To write: both inherit one descriptor and write a line each, the second once
 * the first has ended, and the parent closes it before that. To read: each child opens a file of
 * its own and tells how many bytes it has; they tell it through pipes, in order.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int ended_well(pid_t child) {
  int status;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int write_both(const char *directory) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lines", directory);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644), gate[2];
  if (fd < 0 || pipe(gate) != 0) return 1;
  pid_t first = fork();
  if (first == 0) _exit(write(fd, "the first child\n", 16) != 16);
  pid_t second = fork();
  if (second == 0) {
    char byte;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0) _exit(1);
    _exit(write(fd, "the second child\n", 17) != 17);
  }
  int failed = close(fd) != 0 || !ended_well(first);
  close(gate[1]);
  return !ended_well(second) || failed;
}

static int tell_size(const char *directory, int number, int out) {
  char path[4096], bytes[4096], line[64];
  long total = 0;
  ssize_t size;
  snprintf(path, sizeof path, "%s/child-%d", directory, number);
  int fd = open(path, O_RDONLY);
  if (fd < 0) return 1;
  while ((size = read(fd, bytes, sizeof bytes)) > 0) total += size;
  int length = snprintf(line, sizeof line, "child-%d has %ld bytes\n", number, total);
  return close(fd) != 0 || size < 0 || write(out, line, (size_t)length) != length;
}

static int read_both(const char *directory) {
  int pipes[2][2], failed = 0;
  pid_t children[2];
  for (int i = 0; i < 2; i++) {
    if (pipe(pipes[i]) != 0) return 1;
    children[i] = fork();
    if (children[i] == 0) _exit(tell_size(directory, i, pipes[i][1]));
    close(pipes[i][1]);
  }
  for (int i = 0; i < 2; i++) {
    char line[64];
    ssize_t size = read(pipes[i][0], line, sizeof line);
    failed |= !ended_well(children[i]) || size <= 0;
    if (size > 0) fwrite(line, 1, (size_t)size, stdout);
  }
  return failed;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  return strcmp(argv[1], "write") == 0 ? write_both(argv[2]) : read_both(argv[2]);
}
