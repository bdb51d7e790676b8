/* Through a symbolic link elsewhere that leads into the managed directory. */
#include "probe.h"

static const char *linked(const char *path) {
  static char text[PATH_MAX * 2];
  char directory[PATH_MAX], link[PATH_MAX + 32];
  snprintf(directory, sizeof directory, "%s", path);
  *strrchr(directory, '/') = 0;
  snprintf(link, sizeof link, "%s.linked", directory);
  CHECK("symlink", symlink(directory, link) == 0 || errno == EEXIST);
  snprintf(text, sizeof text, "%s/%s", link, strrchr(path, '/') + 1);
  return text;
}

void produce(const char *path) { make_file(linked(path)); }

void consume(const char *path) { show_file(linked(path)); }
