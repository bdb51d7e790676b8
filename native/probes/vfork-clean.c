#include "probe.h"
/*
 * A child of vfork copies a descriptor that exec closes to its output, and gets an empty
 * environment.
 */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  CHECK("open", fd >= 0);
  char *arguments[] = {"sh", "-c", "sleep 0.2; printf %s \"$0\"", (char *)text_of(path), NULL}, *environment[] = {NULL};
  pid_t child = vfork();
  if (child == 0) {
    if (dup2(fd, 1) == 1) execve("/bin/sh", arguments, environment);
    _exit(9);
  }
  CHECK("close", close(fd) == 0);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
}

void consume(const char *path) { show_file(path); }
