#include "probe.h"

void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  int copy = fcntl(fd, F_DUPFD, 300);
  CHECK("fcntl-dup", copy >= 0);
  CHECK("close", close(fd) == 0);
  write_text(copy, path);
  CHECK("close of the copy", close(copy) == 0);
}

void consume(const char *path) { show_file(path); }
