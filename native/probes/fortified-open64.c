#include "probe.h"
int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);

static const char *made(const char *path) {
  CHECK("mknod", mknod(path, S_IFREG | 0644, 0) == 0);
  return path;
}

void produce(const char *path) {
  int fd = __open64_2(made(path), O_WRONLY);
  CHECK("fortified-open64", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = __open64_2(path, O_RDONLY);
  CHECK("fortified-open64", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
