#include "probe.h"

void produce(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
  CHECK("read-write", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = open(path, O_RDWR);
  CHECK("read-write", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
