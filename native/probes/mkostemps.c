#include "probe.h"

void produce(const char *path) {
  char template[PATH_MAX];
  snprintf(template, sizeof template, "%s-XXXXXX.end", path);
  int fd = mkostemps(template, 4, 0);
  CHECK("mkostemps", fd >= 0);
  CHECK("rename", rename(template, path) == 0);
  write_text(fd, path);
  CHECK("fchmod", fchmod(fd, 0644) == 0);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
