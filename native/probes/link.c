#include "probe.h"

void produce(const char *path) {
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.part", path);
  int fd = open(temporary, O_WRONLY | O_CREAT, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
  CHECK("link", link(temporary, path) == 0);
}

void consume(const char *path) { show_file(path); }
