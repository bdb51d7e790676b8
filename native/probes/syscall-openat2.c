#include "probe.h"
#include <linux/openat2.h>

static int openat2_of(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags, .mode = mode};
  return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

void produce(const char *path) {
  int fd = openat2_of(path, O_WRONLY | O_CREAT, 0644);
  CHECK("syscall-openat2", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) {
  int fd = openat2_of(path, O_RDONLY, 0);
  CHECK("syscall-openat2", fd >= 0);
  show(fd);
  CHECK("close", close(fd) == 0);
}
