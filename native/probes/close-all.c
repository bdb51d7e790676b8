#include "probe.h"
/* Closes all descriptors that it may have, as daemons do. */
void produce(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  for (int other = 3; other < 1024; other++) close(other);
  char copy[PATH_MAX];
  snprintf(copy, sizeof copy, "%s.second", path);
  make_file(copy);
}

void consume(const char *path) { show_file(path); }
