/* A path relative to the working directory, which changes by chdir and by fchdir. */
#include "probe.h"

void produce(const char *path) {
  const char *name;
  int directory = directory_of(path, &name);
  CHECK("fchdir", fchdir(directory) == 0);
  make_file(name);
}

void consume(const char *path) {
  char directory[PATH_MAX];
  snprintf(directory, sizeof directory, "%s", path);
  *strrchr(directory, '/') = 0;
  CHECK("chdir", chdir(directory) == 0);
  char name[PATH_MAX];
  snprintf(name, sizeof name, "./%s", strrchr(path, '/') + 1);
  show_file(name);
}
