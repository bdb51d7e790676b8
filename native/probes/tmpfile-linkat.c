#include "probe.h"
/* A file without a name gets one before its close. */
void produce(const char *path) {
  char directory[PATH_MAX], link[64];
  snprintf(directory, sizeof directory, "%s", path);
  *strrchr(directory, '/') = 0;
  int fd = open(directory, O_TMPFILE | O_WRONLY, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  CHECK("linkat", linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0);
  CHECK("close", close(fd) == 0);
}

void consume(const char *path) { show_file(path); }
