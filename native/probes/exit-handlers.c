#include "probe.h"
/* What handlers of exit and destructors write is published, too. */
static FILE *file;
static const char *text;

static void last_words(void) { fputs(text + 4, file); }
__attribute__((destructor)) static void destroy(void) {
  if (file != NULL) fputs("", file);
}
void produce(const char *path) {
  file = fopen(path, "w");
  CHECK("fopen", file != NULL);
  text = text_of(path);
  fwrite(text, 1, 4, file);
  atexit(last_words);
}

void consume(const char *path) { show_file(path); }
