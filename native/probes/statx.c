#include "probe.h"

void produce(const char *path) { make_file(path); }

void consume(const char *path) {
  struct statx found = {0};
  CHECK("statx", statx(AT_FDCWD, path, 0, STATX_SIZE, &found) == 0);
  CHECK("size", found.stx_size == strlen(text_of(path)));
  show_file(path);
}
