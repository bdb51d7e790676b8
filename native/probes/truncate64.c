#include "probe.h"

/* Cut to the text, by its path. Nobody has published what was there before. */
void produce(const char *path) {
  char command[PATH_MAX * 3];
  const char *text = text_of(path);
  snprintf(command, sizeof command, "env -u LD_PRELOAD sh -c 'printf \"%%s and more\" \"%s\" > %s'", text, path);
  CHECK("system", system(command) == 0);
  CHECK("truncate64", truncate64(path, (off_t)strlen(text)) == 0);
}

void consume(const char *path) { show_file(path); }
