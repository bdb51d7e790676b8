#include "probe.h"
/* From outside of the managed directory. */
void produce(const char *path) {
  char outside[PATH_MAX];
  snprintf(outside, sizeof outside, "%s", path);
  *strrchr(outside, '/') = 0;
  strcat(outside, ".outside");
  int fd = open(outside, O_WRONLY | O_CREAT, 0644);
  CHECK("open", fd >= 0);
  write_text(fd, path);
  CHECK("close", close(fd) == 0);
  CHECK("rename", rename(outside, path) == 0);
}

void consume(const char *path) { show_file(path); }
