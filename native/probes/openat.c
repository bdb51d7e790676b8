#include "probe.h"

void produce(const char *path) {
  int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("openat", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = openat(AT_FDCWD, path, O_RDONLY);
  CHECK("openat", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
