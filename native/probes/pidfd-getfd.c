#include "probe.h"
/* A process takes a descriptor out of its child, and writes last. */
void produce(const char *path) {
  int number[2], go[2];
  CHECK("pipe", pipe(number) == 0 && pipe(go) == 0);
  pid_t child = fork();
  if (child == 0) {
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    CHECK("open", fd >= 0);
    CHECK("write", write(fd, text_of(path), 4) == 4);
    CHECK("write of the number", write(number[1], &fd, sizeof fd) == sizeof fd);
    char byte;
    CHECK("read", read(go[0], &byte, 1) == 1);
    CHECK("close", close(fd) == 0);
    _exit(0);
  }
  int theirs;
  CHECK("read of the number", read(number[0], &theirs, sizeof theirs) == sizeof theirs);
  int fd = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, child, 0), theirs, 0);
  CHECK("pidfd_getfd", fd >= 0);
  CHECK("write of a byte", write(go[1], "x", 1) == 1);
  int status;
  CHECK("waitpid", waitpid(child, &status, 0) == child && status == 0);
  const char *text = text_of(path);
  CHECK("write", write(fd, text + 4, strlen(text) - 4) > 0);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
