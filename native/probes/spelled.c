/* Empty components, `.` and `..`. */
#include "probe.h"

static const char *spelled(const char *path) {
  static char text[PATH_MAX * 2];
  char directory[PATH_MAX];
  snprintf(directory, sizeof directory, "%s", path);
  *strrchr(directory, '/') = 0;
  const char *last = strrchr(directory, '/') + 1;
  snprintf(text, sizeof text, "//%s/./../%s//%s", directory + 1, last, strrchr(path, '/') + 1);
  return text;
}

void produce(const char *path) { make_file(spelled(path)); }

void consume(const char *path) { show_file(spelled(path)); }
