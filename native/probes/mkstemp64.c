#include "probe.h"

void produce(const char *path) {
  char template[PATH_MAX];
  snprintf(template, sizeof template, "%s-XXXXXX", path);
  int fd = mkstemp64(template);
  CHECK("mkstemp64", fd >= 0);
  CHECK("rename", rename(template, path) == 0);
  write_text(fd, path);
  CHECK("fchmod", fchmod(fd, 0644) == 0);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
