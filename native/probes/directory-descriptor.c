#include "probe.h"

void produce(const char *path) {
  const char *name;
  int directory = directory_of(path, &name);
  int fd = openat(directory, name, O_WRONLY | O_CREAT, 0644);
  CHECK("openat", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  const char *name;
  int directory = directory_of(path, &name);
  int fd = openat(directory, name, O_RDONLY);
  CHECK("openat", fd >= 0);
  show(fd);
}
