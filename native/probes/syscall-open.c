#include "probe.h"

void produce(const char *path) {
  int fd = (int)syscall(SYS_open, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("syscall-open", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = (int)syscall(SYS_open, path, O_RDONLY);
  CHECK("syscall-open", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
