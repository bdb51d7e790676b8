#include "probe.h"
/* The child shares the memory of its parent, and closes a copy of the descriptor. */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  pid_t child = vfork();
  if (child == 0) {
    close(fd);
    dup2(2, 1);
    execlp("true", "true", (char *)NULL);
    _exit(127);
  }
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
