#include "probe.h"

void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  CHECK("append", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = open(path, O_RDONLY);
  CHECK("append", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
