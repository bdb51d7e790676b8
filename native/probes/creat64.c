#include "probe.h"

void produce(const char *path) {
  int fd = creat64(path, 0644);
  CHECK("creat64", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = open(path, O_RDONLY | O_NOFOLLOW);
  CHECK("creat64", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
